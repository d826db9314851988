// Owns how a failed start or reload is reported: one line with the place in the file and what can be done.
internal import Admin
internal import Glibc
internal import Proactor
internal import Routing
internal import Settings
internal import Topology

/// Says why settings could not be put into force.
enum SetupFailure {
    /// - Parameters:
    ///   - file: the settings file, to find the line of an address in.
    static func describe(_ error: any Error, _ settings: Settings, file: String) -> Failure {
        switch error {
        case let failure as Failure: return failure
        case let error as SystemError: return Failure(line(error, key: nil, among: settings.binds, file))
        case AdminError.unavailable(let key, let address, let error):
            return Failure(line(error, key: key, among: [address], file))
        case AdminError.offLoopback(let address), AdminError.unusable(_, let address):
            return Failure("\(place(of: address, in: file)): error: \(error)")
        default: return Failure("\(file): error: \(error)")
        }
    }

    private static func line(_ error: SystemError, key: String?, among addresses: [Address], _ file: String) -> String {
        let address = addresses.first { address in
            let names = [address.description, SocketAddress(numeric: address)?.description ?? ""]
            return names.contains { !$0.isEmpty && error.action.hasSuffix(" " + $0) }
        }
        let place = (address ?? (key == nil ? nil : addresses.first)).map { Self.place(of: $0, in: file) } ?? file
        return "\(place): error: \(key.map { $0 + ": " } ?? "")\(error)\(hint(error))"
    }

    /// The file with the line that binds the address, if exactly one does.
    private static func place(of address: Address, in file: String) -> String {
        let text = SmallFile.bytes(of: file, limit: 4 << 20).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let found = lines.indices.filter { index in
            // Port 80 must not match port 8080.
            lines[index].contains("bind")
                && lines[index].ranges(of: address.description).contains { range in
                    lines[index][range.upperBound...].first?.isNumber != true
                }
        }
        return found.count == 1 ? "\(file):\(found[0] + 1)" : file
    }

    private static func hint(_ error: SystemError) -> String {
        switch error.code {
        case EADDRINUSE: " (is another process listening there?)"
        case EACCES where error.action.hasPrefix("bind "):
            " (ports below 1024 need root or CAP_NET_BIND_SERVICE)"
        case EMFILE, ENFILE: " (raise the limit of open files: ulimit -n)"
        default: ""
        }
    }
}

extension Settings {
    /// Every address that traffic listeners are bound to.
    fileprivate var binds: [Address] { listeners.map(\.bind) }
}
