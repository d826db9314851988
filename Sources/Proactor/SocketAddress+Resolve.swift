// Owns asking the system's name service, which blocks: never called on a loop that serves.
internal import CLinux
internal import Glibc
public import Topology

extension SocketAddress {
    /// The addresses of a host name, in the system's order of preference; one for a numeric address. Blocks.
    ///
    /// - Throws: what the name service said, with the name.
    public static func resolve(_ address: Address) throws(SystemError) -> [SocketAddress] {
        if let numeric = SocketAddress(numeric: address) { return [numeric] }
        guard case .host(let host, let port) = address else { return [] }
        var packed = [UInt8](repeating: 0, count: 32 * 32)
        let count = ml_resolve(host, port, &packed, 32)
        guard count >= 0 else { throw SystemError(code: -count, action: "resolve \(host)") }
        return (0..<Int(count)).map { index in
            let entry = packed[(index * 32)..<(index * 32 + 32)]
            let length = Int(entry[entry.startIndex])
            return SocketAddress(bytes: Array(entry.dropFirst().prefix(length)))
        }
    }
}
