/**
 * Copies and fills, as streams and graphs run them.
 *
 * Invariant: bytes that are not there when the copy runs break the device, as they would a real one.
 */
#pragma once
#include "device.h"

namespace emulated {

/** One end of a copy: on a device, or of the host when there is none. */
struct Place {
  Device* device;
  Address address;
};

/** Where an address that may be anybody's lies. */
Place placeOf(Address);
/** Whether somebody allocated all of it. */
bool isSomewhere(const Place&, size_t bytes);
void copyNow(Device& by, const Place& to, const Place& from, size_t bytes);
void fillNow(Device& by, Address to, unsigned value, unsigned elementBytes, size_t count);

}  // namespace emulated
