// Owns `meridian demo`: three datacenters on loopback in one command.
internal import Admin
internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import HTTPTransport
internal import Proactor
internal import Topology

/// Starts three datacenters of two backends and a proxy each, the proxies as one group, until Ctrl-C.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Start three datacenters on this machine, to try things out.")

    @Option(
        name: .customLong("for"), help: "End by itself after this time, such as 30s.",
        transform: { try DurationOption.duration($0) })
    var time: Duration?

    @Option(help: "How the proxies do input and output: auto, io_uring or epoll.")
    var io = "auto"

    func run() throws {
        let signals = SignalReader([SIGINT, SIGTERM, SIGHUP, SIGUSR1])
        var children: [DemoChild] = []
        let folder = try TemporaryFolder()
        defer {
            for child in children.reversed() { child.end() }
            folder.remove()
        }
        let world = try DemoWorld()
        for backend in world.backends { children.append(try DemoChild(backend.name, backend.arguments)) }
        for proxy in world.proxies {
            let file = folder.path + "/\(proxy.datacenter).yaml"
            try write(world.settings(of: proxy, folder: folder.path), to: file)
            children.append(
                try DemoChild(
                    "the proxy of \(proxy.datacenter)",
                    ["run", "-c", file, "--io", io, "--die-with-parent", "--log-prefix", world.logPrefix(of: proxy)]))
        }
        try waitUntilReady(world, children)
        print(DemoScreen(world, pids: children.map(\.pid)).text)
        fflush(nil)
        try wait(signals, time, &children)
        print("\nending the demo")
    }

    private func write(_ text: String, to path: String) throws(Failure) {
        guard let file = fopen(path, "w") else { throw Failure("error: cannot write \(path)") }
        let isWritten = fputs(text, file) >= 0
        guard fclose(file) == 0, isWritten else { throw Failure("error: cannot write \(path)") }
    }

    /// Waits, ten seconds at most, until all proxies belong to one group that knows its services.
    private func waitUntilReady(_ world: DemoWorld, _ children: [DemoChild]) throws(Failure) {
        for _ in 0..<200 {
            if world.proxies.allSatisfy(Self.isReady) { return }
            if children.contains(where: \.hasEnded) {
                throw Failure("error: a process of the demo ended at once; see above")
            }
            usleep(50_000)
        }
        throw Failure("error: the demo's proxies did not form a group within ten seconds")
    }

    private static func isReady(_ proxy: DemoWorld.Proxy) -> Bool {
        let request = HTTPRequest(method: "GET", path: "/v1/status")
        guard let answer = try? BlockingHTTPClient.send(request, to: proxy.admin, timeout: .seconds(1)),
            let status = try? decode(StatusDocument.self, answer.body)
        else { return false }
        return status.quorum && status.services.first?.primary != nil
    }

    /// Waits for a signal to end, or until the time is over. SIGUSR1 restarts what has died.
    private func wait(_ signals: SignalReader, _ limit: Duration?, _ children: inout [DemoChild]) throws(Failure) {
        let end = limit.map { MonotonicClock.now + $0 } ?? .distantFuture
        while MonotonicClock.now < end {
            let signal = limit == nil ? signals.next() : signals.poll()
            if signal == SIGUSR1 { try restart(&children) } else if signal != 0 { return }
        }
    }

    private func restart(_ children: inout [DemoChild]) throws(Failure) {
        var names: [String] = []
        for index in children.indices where children[index].hasEnded {
            try children[index].start()
            names.append("\(children[index].name) (pid \(children[index].pid))")
        }
        print(names.isEmpty ? "nothing has died" : "started again: \(names.joined(separator: ", "))")
        fflush(nil)
    }
}

/// A new folder that nobody else can have prepared.
struct TemporaryFolder {
    let path: String

    init() throws(Failure) {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array((base + "/meridian-demo-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure("error: cannot make a folder in \(base): \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes the folder with all that is in it.
    func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// The addresses of the demo, chosen once.
struct DemoWorld {
    struct Backend {
        var datacenter: String
        var name: String
        var address: String

        var arguments: [String] {
            ["backend", "--bind", address, "--datacenter", datacenter, "--name", name, "--die-with-parent"]
        }
    }

    struct Proxy {
        var datacenter: String
        /// Of `shop`, which has a primary.
        var web: String
        /// Of `everywhere`, which has none.
        var active: String
        var admin: String
        var cluster: String
    }

    static let datacenters = ["us-east", "eu-west", "ap-south"]
    let backends: [Backend]
    let proxies: [Proxy]

    init() throws(Failure) {
        do throws(SystemError) {
            var backends: [Backend] = []
            var proxies: [Proxy] = []
            for (place, datacenter) in Self.datacenters.enumerated() {
                let host = "127.0.0.\(place + 1)"
                for number in 1...2 {
                    let address = try Self.freeAddress(host, preferring: 0)
                    backends.append(Backend(datacenter: datacenter, name: "\(datacenter)-\(number)", address: address))
                }
                proxies.append(
                    Proxy(
                        datacenter: datacenter, web: try Self.freeAddress(host, preferring: 8080),
                        active: try Self.freeAddress(host, preferring: 8081),
                        admin: "http://" + (try Self.freeAddress(host, preferring: 9901)),
                        cluster: try Self.freeAddress(host, preferring: 0)))
            }
            self.backends = backends
            self.proxies = proxies
        } catch {
            throw Failure("error: no free ports for the demo: \(error)")
        }
    }

    /// The preferred port if it is free, otherwise any.
    private static func freeAddress(_ host: String, preferring port: UInt16) throws(SystemError) -> String {
        if port != 0, let wanted = SocketAddress(numeric: .host(host, port: port)),
            let sockets = try? ListeningSocket.bind(wanted)
        {
            for socket in sockets { socket.close() }
            return "\(host):\(port)"
        }
        guard let any = SocketAddress(numeric: .host(host, port: 0)) else {
            throw SystemError(code: EINVAL, action: "parse \(host)")
        }
        let socket = try ListeningSocket.bind(any)[0]
        socket.close()
        return socket.address.description
    }

    /// The prefix of a proxy's log lines, of the same width for all.
    func logPrefix(of proxy: Proxy) -> String {
        let width = Self.datacenters.map(\.count).max() ?? 0
        return proxy.datacenter + String(repeating: " ", count: width - proxy.datacenter.count) + " | "
    }

    /// A proxy's configuration; its data is kept in `folder`.
    func settings(of proxy: Proxy, folder: String) -> String {
        func endpoints(_ datacenter: String) -> String {
            backends.filter { $0.datacenter == datacenter }.map { "\"\($0.address)\"" }.joined(separator: ", ")
        }
        let places = Self.datacenters.map { "      \($0): { endpoints: [ \(endpoints($0)) ] }" }.joined(separator: "\n")
        let members = proxies.map {
            "    - { id: \($0.datacenter)-proxy, address: \"\($0.cluster)\", datacenter: \($0.datacenter) }"
        }
        let check = "health_check: { http: { path: /healthz }, interval: 1s, timeout: 500ms, fall: 2, rise: 2 }"
        return """
            node: { id: \(proxy.datacenter)-proxy, datacenter: \(proxy.datacenter), data_dir: "\(folder)/\(proxy.datacenter)" }
            admin: { bind: "\(proxy.admin.dropFirst(7))" }
            cluster:
              bind: "\(proxy.cluster)"
              members:
            \(members.joined(separator: "\n"))
            datacenters: [ \(Self.datacenters.map { "{ name: \($0) }" }.joined(separator: ", ")) ]
            services:
              - name: shop
                datacenter_policy: primary
                endpoint_policy: least_requests
                failover: { confirm: 2s }
                \(check)
                datacenters:
            \(places)
              - name: everywhere
                datacenter_policy: weighted
                \(check)
                datacenters:
            \(places)
            listeners:
              - { name: shop, bind: "\(proxy.web)", service: shop }
              - { name: everywhere, bind: "\(proxy.active)", service: everywhere }

            """
    }
}
