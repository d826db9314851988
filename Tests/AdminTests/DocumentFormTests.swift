// Owns the proof of how documents look on the wire, and that both sides read what the other writes.
import Foundation
import Testing

@testable import Admin

@Suite struct DocumentForms {
    private struct Sample: Codable, Equatable {
        var requestsPerSecond = 1.5
        var soFarMs: Int64? = 7
        var uptimeS = 3
        var sha256 = "ab"
        var absent: String?
        var votes = ["us_east": "up", "euWest": "down"]
    }

    private enum Keys: String, CodingKey {
        case requestsPerSecond, soFarMs, uptimeS, sha256
        case sinceMs = "since_ms"
    }

    @Test func keysAreInSnakeCaseButNamesOfMapsStay() throws {
        let bytes = try #require(DocumentForm.encode(Sample()))
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"requests_per_second":1.5,"sha256":"ab","so_far_ms":7,"uptime_s":3,"#
                + #""votes":{"euWest":"down","us_east":"up"}}"#)
        #expect(try DocumentForm.decode(Sample.self, bytes) == Sample())
    }

    @Test(
        "Keys are told as they are on the wire",
        arguments: [
            (Keys.requestsPerSecond, "requests_per_second"), (.soFarMs, "so_far_ms"), (.uptimeS, "uptime_s"),
            (.sha256, "sha256"), (.sinceMs, "since_ms"),
        ])
    private func name(_ key: Keys, _ name: String) { #expect(DocumentForm.name(of: key) == name) }

    @Test func anOlderReaderPassesOverWhatItDoesNotKnow() throws {
        let later = #"{"reloaded":true,"warnings":[],"added_later":{"a":1}}"#
        #expect(try DocumentForm.decode(ReloadAnswer.self, Array(later.utf8)).reloaded)
    }

    @Test func whatHasNoJSONIsNotWritten() { #expect(DocumentForm.encode(["share": Double.nan]) == nil) }
}
