// Owns the proof of TLS with clients, by curl and openssl: which certificate, which version, who may come, what a reload does.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct SecureListeners {
        /// A proxy whose listener has these keys in `tls`, beside the certificate `web`.
        private func configuration(
            _ certificates: Certificates, _ ports: [UInt16], _ more: String = "", files: [String] = ["web"],
            listener: String = ""
        ) -> String {
            let pairs = files.map { file in
                "{ certificate: \(certificates.path("\(file).pem")), key: \(certificates.path("\(file).key")) }"
            }
            return """
                node: { id: n1, datacenter: west }
                datacenters: [ { name: west } ]
                services: [ { name: shop, datacenters: { west: { \(endpoints(ports)) } } } ]
                listeners:
                  - name: web
                    bind: "127.0.0.1:$PORT"
                    service: shop
                    \(listener)
                    tls: { certificates: [ \(pairs.joined(separator: ", ")) ] \(more.isEmpty ? "" : ", " + more) }
                """
        }

        /// What curl says of `https://HOST/PATH` at the proxy.
        private func curl(
            _ proxy: Proxy, _ certificates: Certificates, host: String = "shop.test", path: String = "/",
            _ more: String...
        ) throws -> (exit: ChildProcess.Exit, output: String) {
            try ChildProcess.run(
                [
                    "curl", "-sS", "--max-time", "20", "--cacert", certificates.authority, "--resolve",
                    "\(host):\(proxy.port):127.0.0.1",
                ] + more + ["https://\(host):\(proxy.port)\(path)"])
        }

        /// What `openssl s_client` says, which reads nothing of its input.
        private func connect(_ proxy: Proxy, _ certificates: Certificates, _ more: String...) throws -> String {
            try ChildProcess.run(
                ["openssl", "s_client", "-connect", "127.0.0.1:\(proxy.port)", "-CAfile", certificates.authority] + more
            ).output
        }

        @Test(arguments: InputOutput.available)
        func requestsPassBothWaysWithLongBodies(_ inputOutput: InputOutput) throws {
            let backend = try RawBackend { visit in
                while let request = try visit.request() {
                    try visit.answer(request.method == "PUT" ? "\(request.body.count)" : "fine")
                }
            }
            let scratch = try Scratch()
            let bytes = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
            try bytes.write(to: URL(filePath: scratch.path + "/long"))
            let nginx = try Nginx.withSites(["a"], files: scratch.path)
            let certificates = try Certificates()
            try certificates.sign("web", for: ["shop.test"])
            let proxy = try Proxy(inputOutput, configuration(certificates, [backend.port]))
            #expect(try curl(proxy, certificates).output == "fine")
            let request = try #require(backend.requests.last)
            #expect(request["X-Forwarded-Proto"] == "https")
            #expect(request["X-Forwarded-Host"] == "shop.test:\(proxy.port)")
            #expect(try curl(proxy, certificates, "-T", scratch.path + "/long").output == "3000000")
            #expect(backend.requests.last.map { Data($0.body) == bytes } ?? false)
            // The other way, and many requests on one connection.
            try proxy.reload(configuration(certificates, [nginx.port]))
            try eventually("a reload") { proxy.process.output.contains("configuration reloaded") }
            let file = scratch.path + "/came"
            #expect(try curl(proxy, certificates, path: "/files/long", "-o", file).exit == .code(0))
            #expect(try Data(contentsOf: URL(filePath: file)) == bytes)
            let many = try curl(proxy, certificates, path: "/[1-50]", "-w", "%{num_connects}")
            #expect(many.output == "a1" + String(repeating: "a0", count: 49))
            #expect(try proxy.metric("meridian_tls_handshake_failures_total") == 0)
            try proxy.stop()
        }

        @Test func theCertificateFollowsTheName() throws {
            let nginx = try Nginx.withSites(["a"])
            let certificates = try Certificates()
            try certificates.sign("web", for: ["shop.test"])
            try certificates.sign("wild", for: ["*.example.test"])
            try certificates.sign("exact", for: ["api.example.test"])
            try certificates.sign("rsa", for: ["shop.test"], rsa: true)
            let files = ["web", "wild", "exact", "rsa"]
            let proxy = try Proxy(.epoll, configuration(certificates, nginx.ports, files: files))
            func subject(_ words: String...) throws -> String {
                let output = try ChildProcess.run(
                    ["openssl", "s_client", "-connect", "127.0.0.1:\(proxy.port)"] + words
                ).output
                return output.split(separator: "\n").first { $0.hasPrefix("subject=") }.map(String.init) ?? output
            }
            #expect(try subject("-servername", "api.example.test").contains("exact"))
            #expect(try subject("-servername", "www.example.test").contains("wild"))
            #expect(try subject("-servername", "a.b.example.test").contains("web"))
            #expect(try subject("-servername", "SHOP.test").contains("web"))
            #expect(try subject("-noservername").contains("web"))
            let rsa = ["-servername", "shop.test", "-sigalgs", "RSA-PSS+SHA256"]
            #expect(try subject(rsa[0], rsa[1], rsa[2], rsa[3]).contains("rsa"))
            try proxy.reload(configuration(certificates, nginx.ports, "unknown_name: refuse", files: files))
            try eventually("a reload") { proxy.process.output.contains("configuration reloaded") }
            #expect(try subject("-servername", "elsewhere.test").contains("unrecognized name"))
            #expect(try curl(proxy, certificates).output == "a")
            #expect(try proxy.metric("meridian_tls_handshake_failures_total") == 1)
            try proxy.stop()
        }

        @Test func versionsAndResumption() throws {
            let nginx = try Nginx.withSites(["a"])
            let certificates = try Certificates()
            try certificates.sign("web", for: ["shop.test"])
            let proxy = try Proxy(.epoll, configuration(certificates, nginx.ports), workers: 2)
            #expect(try curl(proxy, certificates, "--tlsv1.2", "--tls-max", "1.2").output == "a")
            #expect(try curl(proxy, certificates, "--tlsv1.3").output == "a")
            #expect(try connect(proxy, certificates, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0").contains("alert"))
            #expect(try connect(proxy, certificates, "-alpn", "h2,http/1.1").contains("ALPN protocol: http/1.1"))
            #expect(try connect(proxy, certificates, "-tls1_3").contains("Server Temp Key: X25519"))
            // Five connections more, each with the last one's ticket, at whichever worker.
            let again = try connect(proxy, certificates, "-reconnect", "-tls1_2")
            #expect(again.ranges(of: "\nReused, TLSv1.2").count == 5)
            try proxy.reload(configuration(certificates, nginx.ports, "profile: modern"))
            try eventually("a reload") { proxy.process.output.contains("configuration reloaded") }
            #expect(try curl(proxy, certificates, "--tls-max", "1.2").exit != .code(0))
            #expect(try curl(proxy, certificates).output == "a")
            try proxy.stop()
        }

        @Test func clientsProveWhoTheyAre() throws {
            let nginx = try Nginx.withSites(["a"])
            let certificates = try Certificates()
            for name in ["web", "friend", "former"] { try certificates.sign(name, for: ["\(name).test", "shop.test"]) }
            try certificates.revoke("former")
            let authority = "client_ca: \(certificates.authority), crl: \(certificates.path("crl.pem"))"
            let proxy = try Proxy(
                .epoll, configuration(certificates, nginx.ports, "client_certificate: required, \(authority)"))
            func ask(as name: String?) throws -> String {
                guard let name else { return try curl(proxy, certificates).output }
                let (certificate, key) = (certificates.path("\(name).pem"), certificates.path("\(name).key"))
                return try curl(proxy, certificates, "--cert", certificate, "--key", key).output
            }
            #expect(try ask(as: "friend") == "a")
            #expect(try ask(as: nil).contains("alert"))
            #expect(try ask(as: "former").contains("alert"))
            try proxy.reload(configuration(certificates, nginx.ports, "client_certificate: optional, \(authority)"))
            try eventually("a reload") { proxy.process.output.contains("configuration reloaded") }
            #expect(try ask(as: "friend") == "a")
            #expect(try ask(as: nil) == "a")
            #expect(try ask(as: "former").contains("alert"))
            try proxy.stop()
        }

        /// New files are used by new connections; a broken one changes nothing; nobody notices either.
        @Test(arguments: InputOutput.available)
        func certificatesAreReadAgain(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a"])
            let certificates = try Certificates()
            for name in ["web", "first", "second"] { try certificates.sign(name, for: ["shop.test"]) }
            let proxy = try Proxy(inputOutput, configuration(certificates, nginx.ports))
            let load = try ChildProcess(
                [
                    "curl", "-sS", "--cacert", certificates.authority, "--resolve",
                    "shop.test:\(proxy.port):127.0.0.1", "-H", "Connection: close", "-w", "%{http_code}\n", "-o",
                    "/dev/null", "https://shop.test:\(proxy.port)/[1-600]",
                ], log: certificates.path("load.log"))
            var count = 0
            func reload() throws {
                count += 1
                proxy.process.signal(SIGHUP)
                try eventually("reload \(count)") {
                    proxy.process.output.ranges(of: "configuration reloaded").count == count
                }
            }
            for round in 0..<20 {
                let name = round % 2 == 0 ? "first" : "second"
                try certificates.replace("web.pem", with: "\(name).pem")
                try certificates.replace("web.key", with: "\(name).key")
                try reload()
                let shown = try connect(proxy, certificates, "-servername", "shop.test")
                #expect(shown.contains("CN = \(name)"), "round \(round)")
            }
            try certificates.write("web.pem", "rubbish")
            try reload()
            #expect(proxy.process.output.contains("a certificate cannot be read"))
            #expect(try curl(proxy, certificates).output == "a")
            #expect(try proxy.metric("meridian_tls_certificates_kept_total") == 1)
            #expect(try load.waitForExit(within: .seconds(60)) == .code(0))
            #expect(load.output.ranges(of: "200\n").count == 600)
            try proxy.stop()
        }

        @Test(arguments: InputOutput.available)
        func theHeaderOfAProxyComesBeforeTheHandshake(_ inputOutput: InputOutput) throws {
            let backend = try RawBackend { visit in
                while try visit.request() != nil { try visit.answer("fine") }
            }
            let certificates = try Certificates()
            try certificates.sign("web", for: ["shop.test"])
            let text = configuration(certificates, [backend.port], listener: "proxy_protocol: on")
            let proxy = try Proxy(inputOutput, text)
            #expect(try curl(proxy, certificates, "--haproxy-protocol").output == "fine")
            #expect(backend.requests.last?["X-Forwarded-For"] == "127.0.0.1")
            #expect(backend.requests.last?["X-Forwarded-Proto"] == "https")
            try proxy.stop()
        }

        /// Who speaks no TLS, says nothing or leaves gets no worse than a closed connection, and is counted.
        @Test(arguments: InputOutput.available)
        func rubbishEndsTheConnection(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a"])
            let certificates = try Certificates()
            try certificates.sign("web", for: ["shop.test"])
            let proxy = try Proxy(
                inputOutput, configuration(certificates, nginx.ports) + "\ntimeouts: { client_head: 300ms }")
            for bytes in ["GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n", "\u{16}\u{3}\u{1}", ""] {
                let client = try Connection(proxy.port)
                try client.send(bytes)
                // An alert, or nothing, and then the end.
                while let more = try? client.receive(), !more.isEmpty { #expect(more.count < 100) }
            }
            try eventually("three failures") { try proxy.metric("meridian_tls_handshake_failures_total") == 3 }
            try eventually("no connection") { try proxy.metric("meridian_connections") == 0 }
            #expect(try curl(proxy, certificates).output == "a")
            try proxy.stop()
        }

        @Test func tcpListenersEndTLS() throws {
            let backend = try RawBackend { visit in
                while true {
                    let bytes = try visit.connection.receive()
                    guard !bytes.isEmpty else { return }
                    try visit.connection.send(String(decoding: bytes, as: UTF8.self).uppercased())
                }
            }
            let certificates = try Certificates()
            try certificates.sign("web", for: ["shop.test"])
            let text = configuration(certificates, [backend.port], listener: "protocol: tcp").replacing(
                "{ name: shop,", with: "{ name: shop, protocol: tcp,")
            let proxy = try Proxy(.epoll, text)
            let place = "-connect 127.0.0.1:\(proxy.port) -CAfile \(certificates.authority)"
            let script = "(printf 'hello\\n'; sleep 1) | openssl s_client -quiet -no_ign_eof \(place) 2>/dev/null"
            #expect(try ChildProcess.run(["sh", "-c", script]).output == "HELLO\n")
            try proxy.stop()
        }

        @Test func checkSaysWhatCertificatesAre() throws {
            let certificates = try Certificates()
            try certificates.sign("web", for: ["shop.test", "*.shop.test"])
            try certificates.sign("other", for: ["other.test"])
            let scratch = try Scratch()
            func check(_ text: String) throws -> (exit: ChildProcess.Exit, output: String) {
                let file = try scratch.write("m.yaml", text.replacing("$PORT", with: "8443"))
                return try ChildProcess.run([Binary.path, "check", "-c", file])
            }
            let good = try check(configuration(certificates, [1]))
            #expect(good.exit == .code(0))
            #expect(good.output.contains("web.pem is for shop.test, *.shop.test, until 20"))
            #expect(good.output.contains("(ECDSA 256)"))
            try certificates.replace("web.key", with: "other.key")
            let mixed = try check(configuration(certificates, [1]))
            #expect(mixed.exit == .code(1))
            #expect(mixed.output.contains("/m.yaml:9:"), "\(mixed.output)")
            #expect(mixed.output.contains("the key does not belong to the certificate"))
            let missing = try check(configuration(certificates, [1], files: ["other", "none"]))
            #expect(missing.output.contains("none.pem: No such file or directory"))
            let ciphers = "ciphers: [ ECDHE-ECDSA-AES128-GCM-SHA256, NOPE ]"
            let cipher = try check(configuration(certificates, [1], ciphers, files: ["other"]))
            #expect(cipher.exit == .code(1))
            #expect(cipher.output.contains("NOPE"), "\(cipher.output)")
        }
    }
}
