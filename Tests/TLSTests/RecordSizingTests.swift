// Owns the tests of record sizes: by the clock, and counted on the wire.
import Testing
import Topology

@testable import TLS

@Suite("Records are small after idleness")
struct RecordSizingTests {
    /// The sizes of records at these times, in milliseconds; runs of equal ones as one.
    private func runs(_ times: [Int64], isDynamic: Bool = true) -> [[Int]] {
        var sizing = RecordSizing(isDynamic: isDynamic)
        var runs: [[Int]] = []
        for time in times {
            let size = sizing.next(now: Tick(nanoseconds: time * 1_000_000))
            if runs.last?[0] == size { runs[runs.count - 1][1] += 1 } else { runs.append([size, 1]) }
        }
        return runs
    }

    @Test("The first forty, and again after a second without any")
    func sizes() {
        let begin = [Int64](repeating: 5, count: 50)
        #expect(runs(begin) == [[1_369, 40], [16_384, 10]])
        #expect(runs(begin + [1_004, 2_003]) == [[1_369, 40], [16_384, 12]], "less than a second each")
        #expect(runs(begin + [1_005, 1_006]) == [[1_369, 40], [16_384, 10], [1_369, 2]])
        #expect(
            runs([Int64](repeating: 5, count: 20) + [2_000] + [Int64](repeating: 2_001, count: 45)) == [
                [1_369, 60], [16_384, 6],
            ])
        #expect(runs(begin, isDynamic: false) == [[16_384, 50]])
    }

    @Test("On the wire", arguments: [true, false])
    func wire(_ isDynamic: Bool) throws {
        let certificates = try TLSSessionTests.made.get()
        var configuration = TLSServerConfiguration()
        configuration.hasDynamicRecords = isDynamic
        let server = try TLSContext(configuration, try CertificateStore(certificates.identity("euw1-a")))
        let client = try TLSContext(TLSClientConfiguration(trust: .authorities(file: certificates.authority)))
        var pair = try SessionPair(client: client, server: server, host: "euw1-a")
        pair.settle()
        let text = [UInt8](repeating: 7, count: 40 * 1_369 + 2 * 16_384 + 10)
        #expect(pair.server.write(text.span) == text.count)
        let bytes = SessionPair.take(from: pair.server)
        var sizes: [Int] = []
        var offset = 0
        while offset < bytes.count {
            #expect(bytes[offset] == 23, "RFC 8446 §5.2: all are of application data")
            let length = Int(bytes[offset + 3]) << 8 + Int(bytes[offset + 4])
            // The kind of the content and the tag of AES-GCM are in the record, too.
            sizes.append(length - 17)
            offset += 5 + length
        }
        let small = [Int](repeating: 1_369, count: 40) + [16_384, 16_384, 10]
        let large = [Int](repeating: 16_384, count: 5) + [text.count - 5 * 16_384]
        #expect(sizes == (isDynamic ? small : large))
        pair.feed(bytes, to: pair.client)
        #expect(SessionPair.read(from: pair.client).bytes == text)
    }
}
