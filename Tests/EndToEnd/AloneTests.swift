// Owns the proof that a proxy without a group forgets nothing it was told, where it has a data directory.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Alone {
        /// Killed without a word; what was acknowledged is there at once when it is back, and the epoch goes on.
        @Test(arguments: InputOutput.available)
        func theStateOfOneOutlivesItsProcess(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["one", "two"])
            let scratch = try Scratch()
            let places: KeyValuePairs = ["west": endpoints([nginx.ports[0]]), "east": endpoints([nginx.ports[1]])]
            let configuration = shop("health_check: off, datacenter_policy: primary,", places)
                .replacing("node: { ", with: "node: { data_dir: \"\(scratch.path)/data\", ")
            func told(_ proxy: Proxy) throws -> (primary: String?, weight: Int?) {
                let service = try proxy.status().services.first
                return (service?.primary, service?.datacenters.first { $0.name == "east" }?.weight)
            }
            let first = try Proxy(inputOutput, configuration)
            try eventually("its group") { try first.command("weight", "set", "shop", "east", "7").exit == .code(0) }
            #expect(try first.command("primary", "set", "shop", "east").exit == .code(0))
            #expect(try get(first.port).text == "two")
            first.process.signal(SIGKILL)
            _ = try first.process.waitForExit()
            let second = try Proxy(inputOutput, configuration)
            try eventually("what it was told") { try told(second) == ("east", 7) }
            #expect(try get(second.port).text == "two")
        }
    }
}
