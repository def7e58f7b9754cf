# Toolchain: builds for 32-bit arm with Debian's gcc-arm-linux-gnueabihf, as cmake/aarch64.cmake does for aarch64.
# VFPv4 has fused multiply-add. Without this option Debian's compiler makes code for VFPv3, which has none: then it is
# computed, with the same bits. NEON takes subnormal numbers for 0 and is left alone.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)
set(CMAKE_C_FLAGS_INIT -mfpu=vfpv4)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-arm-static) # for ctest
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
