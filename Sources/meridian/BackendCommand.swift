// Owns `meridian backend`: the small web service behind the demo's proxies.
internal import ArgumentParser
internal import CLinux
internal import Glibc
internal import HTTPTransport
internal import Proactor
internal import Topology

/// Answers every request with its own name and datacenter.
struct BackendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backend", abstract: "Serve a page that says where it comes from.", shouldDisplay: false)

    @Option(help: "The address to serve on.") var bind: String
    @Option(help: "The datacenter's name.") var datacenter: String
    @Option(help: "The backend's name.") var name: String
    @Flag(help: .hidden) var dieWithParent = false

    func run() throws {
        if dieWithParent { ml_die_with_parent() }
        let signals = SignalReader([SIGTERM, SIGINT])
        guard let address = Address(bind), let socketAddress = SocketAddress(numeric: address) else {
            throw Failure("--bind takes a numeric address such as 127.0.0.1:8081", code: .usage)
        }
        let greeting = "hello from \(name) in \(datacenter)\n"
        do throws(SystemError) {
            let socket = try ListeningSocket.bind(socketAddress)[0]
            let host = try LoopHost.start(name: "backend", io: .epoll, buffers: .modest) { loop throws(SystemError) in
                HTTPServer(loop: loop, socket: socket, connectionLimit: 4096) { request, respond in
                    respond(request.path == "/healthz" ? .text(200, "ok\n") : .text(200, greeting))
                }
            }
            _ = signals.next()
            host.stop()
        } catch {
            throw Failure("error: \(error)")
        }
    }
}
