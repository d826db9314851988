// Owns a write permit whose answers a test chooses.
@testable import Proactor

final class Permit: WritePermit {
    /// How often it says yes; then it says no.
    var yeses: Int
    /// How often it was asked.
    private(set) var asked = 0

    init(yeses: Int = .max) { self.yeses = yeses }

    func mayWrite() -> Bool {
        asked += 1
        if yeses == 0 { return false }
        if yeses < .max { yeses -= 1 }
        return true
    }
}
