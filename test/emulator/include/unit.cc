// What a compiler that waits is started with (driver/waiting.h).
#include "/tigon/unit-to-come"
