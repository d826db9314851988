// Owns the name of a node whose file gives it none: the machine's, with a random part, the same as long as its data lives.
internal import Glibc
internal import RaftRuntime
internal import Settings
internal import Topology

extension Settings {
    /// Gives the node a name, where the file does not: that of the data directory's owner, else a new one, which the data
    /// directory keeps. Without a directory it lasts as long as the process.
    ///
    /// Two proxies that both took the same name would take each other's requests for loops (`Via`).
    ///
    /// - Throws: why the data directory cannot be used.
    mutating func nameNode(file: String) throws(Failure) {
        guard !node.isNamed else { return }
        do throws(StorageFailure) {
            if let owner = try node.dataDirectory.flatMap({ folder throws(StorageFailure) in
                try FileLogStore.owner(of: folder)
            }) {
                node.id = owner
                return
            }
        } catch {
            throw Failure("\(file): error: data_dir: \(error)")
        }
        node.id = NodeID(machine: Self.hostName(), random: .random(in: .min ... .max))
    }

    private static func hostName() -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
