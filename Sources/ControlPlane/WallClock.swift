// Owns reading the wall clock for commands. Nothing here is decided by it.
internal import Catalog
internal import Glibc

extension ControlLoop {
    static func wallClock() -> UnixTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UnixTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
