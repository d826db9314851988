// Owns `meridian demo`: three datacenters on loopback in one command.
internal import ArgumentParser
internal import Glibc
internal import HTTPTransport
internal import Proactor
internal import Settings
internal import Topology

/// Starts three datacenters of two backends each, and a proxy before them, until Ctrl-C.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Start three datacenters on this machine, to try things out.")

    @Option(name: .customLong("for"), help: "End by itself after this time, such as 30s.")
    var time: String?

    @Option(help: "How the proxy does input and output: auto, io_uring or epoll.")
    var io = "auto"

    func run() throws {
        var limit: Duration?
        if let time {
            guard let read = DurationText.read(time) else {
                throw Failure("--for takes a time such as 30s", code: .usage)
            }
            limit = read
        }
        let signals = SignalReader([SIGINT, SIGTERM, SIGHUP])
        var children: [ChildProcess] = []
        let folder = try TemporaryFolder()
        defer {
            for child in children.reversed() { child.end() }
            folder.remove()
        }
        let file = folder.path + "/demo.yaml"
        let world = try DemoWorld()
        for backend in world.backends { children.append(try ChildProcess(backend.arguments)) }
        try write(world.settings, to: file)
        children.append(try ChildProcess(["run", "-c", file, "--io", io, "--die-with-parent"]))
        try waitUntilReady(world, children)
        print(DemoScreen(world, pids: children.map(\.pid)).text)
        fflush(nil)
        wait(signals, limit)
        print("\nending the demo")
    }

    private func write(_ text: String, to path: String) throws(Failure) {
        guard let file = fopen(path, "w") else { throw Failure("error: cannot write \(path)") }
        let isWritten = fputs(text, file) >= 0
        guard fclose(file) == 0, isWritten else { throw Failure("error: cannot write \(path)") }
    }

    /// Waits, five seconds at most, until the proxy serves.
    private func waitUntilReady(_ world: DemoWorld, _ children: [ChildProcess]) throws(Failure) {
        for _ in 0..<100 {
            let request = HTTPRequest(method: "GET", path: "/readyz")
            if let answer = try? BlockingHTTPClient.send(request, to: world.admin, timeout: .seconds(1)),
                answer.status == 200
            {
                return
            }
            if children.last?.hasEnded == true { throw Failure("error: the demo's proxy ended at once; see above") }
            usleep(50_000)
        }
        throw Failure("error: the demo's proxy did not become ready within five seconds")
    }

    private func wait(_ signals: SignalReader, _ limit: Duration?) {
        guard let limit else {
            _ = signals.next()
            return
        }
        let end = EventLoop.clock() + limit
        while EventLoop.clock() < end, signals.poll() == 0 {}
    }
}

/// A folder that nobody else can have prepared.
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

    /// Removes the folder with its one file.
    func remove() {
        unlink(path + "/demo.yaml")
        rmdir(path)
    }
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

    static let datacenters = ["us-east", "eu-west", "ap-south"]
    let backends: [Backend]
    let web: String
    let active: String
    let admin: String

    init() throws(Failure) {
        do throws(SystemError) {
            var backends: [Backend] = []
            for (place, datacenter) in Self.datacenters.enumerated() {
                for number in 1...2 {
                    let address = try Self.freeAddress("127.0.0.\(place + 1)", preferring: 0)
                    backends.append(Backend(datacenter: datacenter, name: "\(datacenter)-\(number)", address: address))
                }
            }
            self.backends = backends
            web = try Self.freeAddress("127.0.0.1", preferring: 8080)
            active = try Self.freeAddress("127.0.0.1", preferring: 8081)
            admin = "http://" + (try Self.freeAddress("127.0.0.1", preferring: 9901))
        } catch {
            throw Failure("error: no free ports for the demo: \(error)")
        }
    }

    /// The preferred port if it is free, else any.
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

    /// The proxy's configuration.
    var settings: String {
        func endpoints(_ datacenter: String) -> String {
            backends.filter { $0.datacenter == datacenter }.map { "\"\($0.address)\"" }.joined(separator: ", ")
        }
        let places = Self.datacenters.map { "      \($0): { endpoints: [ \(endpoints($0)) ] }" }.joined(separator: "\n")
        let check = "health_check: { http: { path: /healthz }, interval: 1s, timeout: 500ms, fall: 2, rise: 2 }"
        return """
            node: { id: demo, datacenter: us-east }
            admin: { bind: "\(admin.dropFirst(7))" }
            datacenters: [ \(Self.datacenters.map { "{ name: \($0) }" }.joined(separator: ", ")) ]
            services:
              - name: shop
                datacenter_policy: primary
                endpoint_policy: least_requests
                \(check)
                datacenters:
            \(places)
              - name: everywhere
                datacenter_policy: weighted
                \(check)
                datacenters:
            \(places)
            listeners:
              - { name: shop, bind: "\(web)", service: shop }
              - { name: everywhere, bind: "\(active)", service: everywhere }

            """
    }
}

/// What the demo tells its user.
struct DemoScreen {
    let text: String

    init(_ world: DemoWorld, pids: [pid_t]) {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        func bold(_ text: String) -> String { isTerminal ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
        var text = bold("Meridian demo: three datacenters behind one proxy") + "\n\n"
        text += "  http://\(world.web)   shop, all traffic to its primary, us-east\n"
        text += "  http://\(world.active)   everywhere, shared by weight among all three\n"
        text += "  \(world.admin)   admin API\n\n"
        for datacenter in DemoWorld.datacenters {
            let mine = world.backends.indices.filter { world.backends[$0].datacenter == datacenter }
            let list = mine.map { "\(world.backends[$0].name) on \(world.backends[$0].address) (pid \(pids[$0]))" }
            text +=
                "  \(datacenter)\(String(repeating: " ", count: 10 - datacenter.count))\(list.joined(separator: ", "))\n"
        }
        let admin = world.admin == "http://127.0.0.1:9901" ? "" : " --admin \(world.admin)"
        let east = world.backends.indices.filter { world.backends[$0].datacenter == "us-east" }
        // As it was called, so that the lines can be pasted.
        let meridian = CommandLine.arguments[0]
        let victims = east.map { String(pids[$0]) }.joined(separator: " ")
        text += "\n" + bold("Try, in another terminal:") + "\n\n"
        let lines = [
            ("curl http://\(world.web)/", "a request through the proxy"),
            ("for i in 1 2 3 4 5 6; do curl -s http://\(world.active)/; done", "shared by all three"),
            ("kill \(victims)", "the datacenter us-east dies"),
            ("\(meridian) primary set shop eu-west\(admin)", "move the primary"),
            ("\(meridian) weight set everywhere ap-south 5\(admin)", "most goes to ap-south now"),
            ("\(meridian) status\(admin)", "see the state"),
        ]
        let width = lines.map(\.0.count).max() ?? 0
        for (command, purpose) in lines {
            text += "  \(command)\(String(repeating: " ", count: width - command.count))   # \(purpose)\n"
        }
        text += "\nCtrl-C ends all of it.\n"
        self.text = text
    }
}
