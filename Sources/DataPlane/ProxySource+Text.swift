// Owns the text of the client that a PROXY protocol header names.
internal import HTTPWire

extension ProxySource {
    /// The address as text, without the port.
    var text: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64)
        var writer = OutputWriter(bytes.mutableSpan)
        append(to: &writer)
        let count = writer.count
        return Array(bytes.prefix(count))
    }
}
