// Owns opening what a node needs to be a member of its group: the data directory, the socket and the certificates.
internal import Catalog
internal import ControlPlane
internal import Glibc
internal import Logging
internal import Proactor
internal import Raft
internal import RaftRuntime
internal import Settings
internal import TLS
internal import Topology

extension GroupSetup {
    /// Opens the data directory, and what the `cluster` section names. Without that section it is a group of one, whose
    /// state outlives the process all the same.
    ///
    /// - Returns: nil without a data directory: a group of one, in memory.
    /// - Throws: what could not be opened, with its name or its place in the file.
    static func open(_ settings: Settings, file: String, logger: Logger) throws(Failure) -> GroupSetup? {
        guard let folder = settings.node.dataDirectory else { return nil }
        let opened: (store: FileLogStore, loaded: LoadedLog)
        do throws(StorageFailure) {
            opened = try FileLogStore.open(folder, node: settings.node.id)
        } catch {
            throw Failure("\(file): error: data_dir: \(error)")
        }
        if let conflict = opened.loaded.conflict(
            node: settings.node.id, listed: settings.cluster?.members.map(\.id))
        {
            throw Failure("\(file): error: data_dir: \(folder): \(conflict)")
        }
        let cluster = settings.cluster ?? alone(settings, folder)
        let contacts = cluster.members.map {
            MemberContact(id: $0.id, address: $0.address, datacenter: $0.datacenter)
        }
        guard let own = contacts.first(where: { $0.id == settings.node.id }) else {
            throw Failure("\(file): error: the cluster's members do not include this node")
        }
        let options = GroupMember.Options(
            own: own, contacts: contacts,
            timing: GroupTiming(
                heartbeat: cluster.heartbeat, electionTimeout: cluster.electionTimeout, lease: cluster.lease),
            policy: ElectionPolicy(cluster.election), tls: try credentials(cluster),
            formation: UInt32(clamping: ControlPlane.wallClock().milliseconds / 1_000))
        return GroupSetup(
            options: options, store: opened.store, loaded: opened.loaded, listening: try bind(cluster.bind),
            logger: logger
        ) { reason in
            // From now on nothing that this process says could be relied on.
            logger.critical("\(reason)")
            exit(1)
        }
    }

    /// A group of this node only. Its socket is in the data directory, which belongs to one process, so nobody else
    /// will find it.
    private static func alone(_ settings: Settings, _ folder: String) -> ClusterSettings {
        var cluster = ClusterSettings()
        let path = folder + "/peers.sock"
        // Left behind by a process that was killed. The directory is locked, so nobody is listening there.
        unlink(path)
        cluster.bind = .unix(path: path)
        var own = ClusterSettings.Member()
        own.id = settings.node.id
        own.address = cluster.bind
        own.datacenter = settings.node.datacenter
        cluster.members = [own]
        return cluster
    }

    private static func credentials(_ cluster: ClusterSettings) throws(Failure) -> PeerTLS? {
        guard let files = cluster.credentials else { return nil }
        do throws(TLSFailure) {
            return try PeerTLS(certificate: files.certificate, key: files.key, authority: files.authority)
        } catch {
            throw Failure("cluster.tls: \(error)")
        }
    }

    private static func bind(_ address: Address) throws(Failure) -> ListeningSocket {
        guard let numeric = SocketAddress(numeric: address) else {
            throw Failure("cluster.bind: \(address) has to be a numeric address of this machine, or a shorter path")
        }
        do throws(SystemError) {
            let sockets = try ListeningSocket.bind(numeric, timeout: ListeningSocket.startTimeout)
            guard let socket = sockets.first else { throw .init(code: EINVAL, action: "bind") }
            return socket
        } catch {
            throw Failure("cluster.bind: \(error)")
        }
    }
}

extension ElectionPolicy {
    fileprivate init(_ election: ClusterSettings.Election) {
        switch election {
        case .raft: self = .raft
        case .paxos: self = .paxos
        case .auto: self = .auto
        }
    }
}
