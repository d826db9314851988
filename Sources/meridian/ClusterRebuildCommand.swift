// Owns `meridian cluster rebuild`: the way back when the majority of a group is lost for good.
internal import ArgumentParser
internal import RaftRuntime
internal import Settings
internal import Topology

/// Makes a group of one member out of a stopped node's data directory.
struct ClusterRebuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild", abstract: "Make a stopped node a group of its own, when the majority is lost for good.",
        discussion: """
            What this node holds is taken for what was agreed; what only the lost nodes knew is lost. Choose the node with \
            the greatest index. If one of the others still runs, two groups decide from then on: stop them first. \
            Afterwards start the node, start the others with an empty data_dir each, and give them their votes with \
            'meridian cluster add'.
            """)

    @Option(name: [.customShort("c"), .customLong("config")], help: "The node's configuration file.")
    var file: String
    @Flag(help: "Your word that the other members do not run and will not come back with their disks.")
    var othersAreGone = false

    func validate() throws {
        guard othersAreGone else {
            throw ValidationError("--others-are-gone is needed: if they still run, two groups decide from then on")
        }
    }

    func run() throws {
        let settings = try loadSettings(file).settings
        guard let folder = settings.node.dataDirectory, settings.cluster != nil else {
            throw Failure("\(file): error: the node has no 'cluster' section, and so no group to rebuild")
        }
        do {
            var (store, loaded) = try FileLogStore.open(folder, node: settings.node.id)
            defer { store.close() }
            let rebuilding = try Rebuilding(loaded, node: settings.node.id, random: UInt32.random(in: 0...UInt32.max))
            try store.persist([rebuilding.batch])
            try store.settle()
            let gone = rebuilding.gone.map { VisibleText.of($0.text) }.joined(separator: ", ")
            print("\(settings.node.id) is a group of its own, with all up to index \(rebuilding.last)")
            if !gone.isEmpty {
                print("left behind: \(gone); they join again with an empty data_dir, then 'meridian cluster add'")
            }
        } catch {
            throw Failure("\(folder): \(error)")
        }
    }
}
