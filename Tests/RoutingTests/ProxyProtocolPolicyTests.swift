// Tests whose PROXY protocol headers are believed.
import Routing
import Testing
import Topology

@Suite struct ProxyProtocolPolicyTests {
    @Test(arguments: [
        ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("::ffff:127.0.0.1", true),
        ("10.0.0.1", false), ("0.0.0.0", false), ("fe80::1", false),
    ])
    func onlyThisMachineIsBelievedByDefault(_ peer: String, _ isTrusted: Bool) throws {
        let address: IPAddress = try #require(IPAddress(peer))
        #expect(ProxyProtocolPolicy().trusts(address) == isTrusted)
    }

    @Test(arguments: [
        ("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("11.0.0.1", false), ("fd00::9", true), ("127.0.0.1", false),
    ])
    func namedNetworksAreBelievedAndNoOthers(_ peer: String, _ isTrusted: Bool) throws {
        let sources = ["10.0.0.0/8", "fd00::/8"].compactMap { AddressPrefix($0) }
        let address: IPAddress = try #require(IPAddress(peer))
        #expect(ProxyProtocolPolicy(sources: sources).trusts(address) == isTrusted)
    }

    @Test func thePeerOfAUnixSocketIsBelieved() {
        #expect(ProxyProtocolPolicy().trusts(nil))
        #expect(ProxyProtocolPolicy(sources: []).trusts(nil))
    }
}
