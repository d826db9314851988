// Owns nginx as a backend: each of its sites answers with its own name.
import Foundation

/// One process of nginx, without a master, so that a signal meets the one that answers.
final class Nginx {
    struct Site {
        let name: String
        let port: UInt16
        /// More of nginx's directives in the site's `server` block.
        var directives = ""
    }

    let sites: [Site]
    private let scratch: Scratch
    private(set) var process: ChildProcess

    /// Starts it and waits until all sites listen.
    ///
    /// - Parameter files: a folder that is served under `/files/`.
    init(_ sites: [Site], files: String? = nil) throws {
        self.sites = sites
        scratch = try Scratch()
        try scratch.write("nginx.conf", Self.configuration(sites, files: files, folder: scratch.path))
        process = try Self.start(scratch)
        try awaitStart()
    }

    /// One process with a site for each name, on free ports.
    static func withSites(_ names: [String], directives: String = "", files: String? = nil) throws -> Nginx {
        let ports = try freePorts(names.count)
        return try Nginx(
            zip(names, ports).map { Site(name: $0, port: $1, directives: directives) }, files: files)
    }

    /// A process for each name, so that they can be killed one by one.
    static func separate(_ names: [String], directives: String = "", files: String? = nil) throws -> [Nginx] {
        try names.map { try withSites([$0], directives: directives, files: files) }
    }

    var ports: [UInt16] { sites.map(\.port) }
    var port: UInt16 { sites[0].port }
    var address: String { "127.0.0.1:\(port)" }

    private static func start(_ scratch: Scratch) throws -> ChildProcess {
        try ChildProcess(
            ["nginx", "-p", scratch.path, "-c", scratch.path + "/nginx.conf", "-e", "stderr"],
            log: scratch.path + "/nginx.log", environment: ["PATH": "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"])
    }

    private func awaitStart() throws {
        try eventually("start of nginx") {
            guard process.isRunning else { throw Failure("nginx has ended: \(process.output)") }
            return ports.allSatisfy(canConnect)
        }
    }

    func kill() throws {
        process.signal(SIGKILL)
        _ = try process.waitForExit()
    }

    /// Starts it again where it was.
    func restart() throws {
        process = try Self.start(scratch)
        try awaitStart()
    }

    /// Stops it as a hung process would: connections are taken by the kernel, and nobody answers.
    func freeze() { process.signal(SIGSTOP) }
    func thaw() { process.signal(SIGCONT) }

    private static func configuration(_ sites: [Site], files: String?, folder: String) -> String {
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder)/\($0);" }
        let served = files.map { "location /files/ { alias \($0)/; }" } ?? ""
        let servers = sites.map { site in
            """
            server {
                listen 127.0.0.1:\(site.port) backlog=1024;
                location / { return 200 "\(site.name)"; }
                location /healthz { return 200 "fine"; }
                location /status/500 { return 500; }
                location /status/503 { return 503; }
                \(served)
                \(site.directives)
            }
            """
        }
        return """
            daemon off;
            master_process off;
            worker_processes 1;
            pid \(folder)/nginx.pid;
            error_log stderr error;
            events { worker_connections 4096; }
            http {
                access_log off;
                default_type text/plain;
                keepalive_requests 100000000;
                client_max_body_size 0;
                sendfile on;
                \(places.joined(separator: "\n    "))
                \(servers.joined(separator: "\n"))
            }

            """
    }
}
