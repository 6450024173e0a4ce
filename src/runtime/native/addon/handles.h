// Numbers that stand for objects in JavaScript.
//
// Invariant: a number is never given twice by one table, so that using what was destroyed is an error and no crash.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace tigon {

template <class T>
class Handles {
 public:
  // Never 0, and below 2^53: the place is the lower half, how often it was used the upper.
  double add(std::shared_ptr<T> object) {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    const uint32_t place = free_.back();
    free_.pop_back();
    Slot& slot = slots_[place];
    slot.uses++;
    slot.object = std::move(object);
    return numberOf(place);
  }

  // Null when nothing has this number (any longer).
  const std::shared_ptr<T>& find(double number) const {
    static const std::shared_ptr<T> none;
    if (!(number >= 0 && number < 9007199254740992.0)) return none;
    const auto wide = static_cast<uint64_t>(number);
    const auto place = static_cast<uint32_t>(wide);
    if (static_cast<double>(wide) != number || place >= slots_.size()) return none;
    const Slot& slot = slots_[place];
    return slot.uses == wide >> 32 ? slot.object : none;
  }

  // The object lives on while something else holds it.
  std::shared_ptr<T> remove(double number) {
    const auto found = find(number);
    if (found == nullptr) return nullptr;
    return clear(static_cast<uint32_t>(static_cast<uint64_t>(number)));
  }

  template <class Condition>
  void removeIf(Condition condition) {
    for (uint32_t place = 0; place < slots_.size(); place++)
      if (slots_[place].object != nullptr && condition(*slots_[place].object)) clear(place);
  }

 private:
  struct Slot {
    std::shared_ptr<T> object;
    uint32_t uses = 0;
  };

  double numberOf(uint32_t place) const {
    return static_cast<double>(static_cast<uint64_t>(slots_[place].uses) << 32 | place);
  }

  // A place whose numbers are used up is left alone.
  std::shared_ptr<T> clear(uint32_t place) {
    Slot& slot = slots_[place];
    if (slot.uses < MOST_USES) free_.push_back(place);
    return std::move(slot.object);
  }

  static constexpr uint32_t MOST_USES = (1u << 21) - 1;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
};

}  // namespace tigon
