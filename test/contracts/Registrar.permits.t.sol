// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IRegistrar, Level, Permit, Policy, PolicyTerms, Standing} from "../../contracts/interfaces/IRegistrar.sol";
import {UnixTime} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {publicKeyOf} from "./Curve.sol";
import {RegistrarFace, deployRegistrar, policyTerms} from "./Deploy.sol";

/// Policy and permits: what the master sets, and what others may do for it.
contract RegistrarPermitsTest {
    uint32 private constant START = 1_800_000_000;
    uint256 private constant MASTER_KEY = 0x3A573;
    uint256 private constant ADMIN_KEY = 0xAD314;
    uint256 private constant HELPER_KEY = 0x4E19E;
    uint256 private constant AGENT_KEY = 0xA6E27;
    bytes32 private constant EVIDENCE = keccak256("evidence");
    uint32 private constant STANDING = 1;
    uint32 private constant ASSIGN = 2;
    uint32 private constant POLICY = 4;
    uint32 private constant APPOINT = 8;

    address private immutable master = vm.addr(MASTER_KEY);
    address private immutable admin = vm.addr(ADMIN_KEY);
    address private immutable helper = vm.addr(HELPER_KEY);
    address private immutable agent = vm.addr(AGENT_KEY);

    RegistrarFace private registrar;

    /// A pool with a master and an agent; administrator and helper are no members.
    function setUp() public {
        vm.warp(START);
        registrar = deployRegistrar(publicKeyOf(MASTER_KEY), 90 days);
        bytes memory pubkey = publicKeyOf(AGENT_KEY);
        vm.prank(agent);
        registrar.register(pubkey, "", "");
    }

    // --- policy

    function test_the_pool_begins_with_the_policy_of_its_creation() public view {
        vm.assertEq(keccak256(abi.encode(registrar.policy())), keccak256(abi.encode(policyTerms().initial)), "policy");
        (Policy memory least, Policy memory most) = registrar.policyBounds();
        vm.assertEq(keccak256(abi.encode(least)), keccak256(abi.encode(policyTerms().least)), "least");
        vm.assertEq(keccak256(abi.encode(most)), keccak256(abi.encode(policyTerms().most)), "most");
    }

    function testFuzz_policy_moves_within_the_bounds_of_creation_only(Policy memory wish) public {
        PolicyTerms memory terms = policyTerms();
        bool fits = wish.feeShare <= terms.most.feeShare &&
            wish.rightShare <= 10_000 &&
            wish.muteShare >= 1_000 &&
            wish.muteShare <= 9_000 &&
            wish.panelSeats >= 7 &&
            wish.panelSeats <= 101 &&
            wish.panelVotes >= 4 &&
            wish.panelVotes <= wish.panelSeats &&
            2 * uint256(wish.panelVotes) > wish.panelSeats &&
            wish.panelLeast >= 7 &&
            wish.panelLeast <= 31;
        if (!fits) {
            vm.expectRevert(
                abi.encodeWithSelector(IRegistrar.RegistrarPolicyOutside.selector, terms.least, terms.most)
            );
        }
        vm.prank(master);
        registrar.setPolicy(wish);
        bytes32 expected = keccak256(abi.encode(fits ? wish : terms.initial));
        vm.assertEq(keccak256(abi.encode(registrar.policy())), expected, "policy");
    }

    function testFuzz_a_policy_within_the_bounds_is_taken(uint16 fee, uint16 right, uint16 seats, bool invite) public {
        seats = 7 + (seats % 95);
        Policy memory wish = Policy(fee % 501, right % 10_001, 3_000, seats, seats / 2 + 1, 7, invite);
        vm.expectEmit(true, true, true, true, address(registrar));
        emit IRegistrar.PolicyChanged(master, wish);
        vm.prank(master);
        registrar.setPolicy(wish);
        vm.assertEq(keccak256(abi.encode(registrar.policy())), keccak256(abi.encode(wish)), "policy");
    }

    function test_only_the_master_sets_the_policy() public {
        Policy memory wish = policyTerms().initial;
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarNotMaster.selector, master, agent));
        vm.prank(agent);
        registrar.setPolicy(wish);
    }

    function test_a_pool_that_promised_to_stay_open_stays_open() public {
        PolicyTerms memory terms = policyTerms();
        terms.most.inviteOnly = false;
        RegistrarFace open_ = deployRegistrar(publicKeyOf(MASTER_KEY), 90 days, terms);
        Policy memory wish = terms.initial;
        wish.inviteOnly = true;
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarPolicyOutside.selector, terms.least, terms.most));
        vm.prank(master);
        open_.setPolicy(wish);
    }

    // --- permits

    function permit(uint32 scopes) private view returns (Permit memory) {
        return Permit(bytes32(0), admin, scopes, START + 1 days, keccak256("permit 1"));
    }

    function digestOf(Permit memory it) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Holdfast Pool"),
                keccak256("1"),
                block.chainid,
                address(registrar)
            )
        );
        bytes32 typeHash = keccak256("Permit(bytes32 parent,address holder,uint32 scopes,uint32 expires,bytes32 id)");
        bytes32 structHash = keccak256(abi.encode(typeHash, it.parent, it.holder, it.scopes, it.expires, it.id));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function sign(uint256 secret, Permit memory it) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, digestOf(it));
        return abi.encodePacked(r, s, v);
    }

    function one(Permit memory it, uint256 secret) private view returns (Permit[] memory chain, bytes[] memory signatures) {
        chain = new Permit[](1);
        signatures = new bytes[](1);
        (chain[0], signatures[0]) = (it, sign(secret, it));
    }

    function two(
        Permit memory first,
        Permit memory second
    ) private view returns (Permit[] memory chain, bytes[] memory signatures) {
        chain = new Permit[](2);
        signatures = new bytes[](2);
        second.parent = digestOf(first);
        (chain[0], signatures[0]) = (first, sign(MASTER_KEY, first));
        (chain[1], signatures[1]) = (second, sign(ADMIN_KEY, second));
    }

    function ban() private view returns (bytes memory) {
        return abi.encodeCall(IRegistrar.setStanding, (agent, Standing.banned, 3, EVIDENCE));
    }

    function isBanned() private view returns (bool) {
        return registrar.member(agent).standing == Standing.banned;
    }

    function test_who_holds_a_permit_does_what_it_says_and_the_log_names_it() public {
        (Permit[] memory chain, bytes[] memory signatures) = one(permit(STANDING), MASTER_KEY);
        vm.expectEmit(true, true, true, true, address(registrar));
        emit IRegistrar.PermitUsed(keccak256("permit 1"), admin, STANDING);
        vm.expectEmit(true, true, true, true, address(registrar));
        emit IRegistrar.StandingChanged(agent, admin, Standing.banned, 3, EVIDENCE);
        vm.prank(admin);
        registrar.underPermit(chain, signatures, ban());
        vm.assertTrue(isBanned(), "banned");
    }

    function testFuzz_a_permit_gives_its_scopes_and_no_other(uint32 scopes) public {
        (Permit[] memory chain, bytes[] memory signatures) = one(permit(scopes), MASTER_KEY);
        bytes[4] memory calls = [
            ban(),
            abi.encodeCall(IRegistrar.assignManager, (agent, admin)),
            abi.encodeCall(IRegistrar.setPolicy, (policyTerms().initial)),
            abi.encodeCall(IRegistrar.setLevel, (agent, Level.delegate))
        ];
        for (uint256 i = 0; i < 4; ++i) {
            if (i == 1) continue; // to whom an agent is given must be a manager: tried below
            vm.prank(admin);
            (bool ok, ) = address(registrar).call(abi.encodeCall(IRegistrar.underPermit, (chain, signatures, calls[i])));
            vm.assertEq(ok ? 1 : 0, (scopes >> i) & 1, "scope");
        }
    }

    function test_a_master_proxy_appoints_and_assigns() public {
        bytes memory pubkey = publicKeyOf(HELPER_KEY);
        vm.prank(helper);
        registrar.register(pubkey, "", "");
        (Permit[] memory chain, bytes[] memory signatures) = one(permit(APPOINT | ASSIGN), MASTER_KEY);
        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeCall(IRegistrar.setLevel, (helper, Level.delegate));
        calls[1] = abi.encodeCall(IRegistrar.setRoles, (helper, 8));
        calls[2] = abi.encodeCall(IRegistrar.assignManager, (agent, helper));
        vm.prank(admin);
        registrar.underPermit(chain, signatures, abi.encodeCall(RegistrarFace.multicall, (calls)));
        vm.assertEq(registrar.member(agent).manager, helper, "manager");
    }

    function test_a_permit_lasts_for_its_call_only() public {
        (Permit[] memory chain, bytes[] memory signatures) = one(permit(STANDING), MASTER_KEY);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IRegistrar.underPermit, (chain, signatures, ban()));
        calls[1] = abi.encodeCall(IRegistrar.setStanding, (agent, Standing.compliant, 3, EVIDENCE));
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarNotDelegate.selector, admin));
        vm.prank(admin);
        registrar.multicall(calls);
    }

    function test_a_proxy_does_not_raise_itself() public {
        bytes memory pubkey = publicKeyOf(ADMIN_KEY);
        vm.prank(admin);
        registrar.register(pubkey, "", "");
        (Permit[] memory chain, bytes[] memory signatures) = one(permit(APPOINT | ASSIGN | STANDING), MASTER_KEY);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarPermitForSelf.selector, admin));
        vm.prank(admin);
        registrar.underPermit(chain, signatures, abi.encodeCall(IRegistrar.setLevel, (admin, Level.delegate)));
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarOwnStanding.selector, admin));
        vm.prank(admin);
        registrar.underPermit(
            chain,
            signatures,
            abi.encodeCall(IRegistrar.setStanding, (admin, Standing.compliant, 1, EVIDENCE))
        );
    }

    function test_a_permit_serves_its_holder_only() public {
        (Permit[] memory chain, bytes[] memory signatures) = one(permit(STANDING), MASTER_KEY);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarPermitHolder.selector, admin, helper));
        vm.prank(helper);
        registrar.underPermit(chain, signatures, ban());
    }

    function testFuzz_a_changed_permit_is_forged(uint8 field, uint256 value) public {
        (Permit[] memory chain, bytes[] memory signatures) = one(permit(STANDING), MASTER_KEY);
        Permit memory it = chain[0];
        bytes32 before_ = digestOf(it);
        if (field % 3 == 0) it.scopes = uint32(value);
        else if (field % 3 == 1) it.expires = uint32(value);
        else it.id = bytes32(value);
        vm.assume(digestOf(it) != before_);
        vm.prank(admin);
        (bool ok, ) = address(registrar).call(abi.encodeCall(IRegistrar.underPermit, (chain, signatures, ban())));
        vm.assertFalse(ok, "refused");
        vm.assertFalse(isBanned(), "nothing happened");
    }

    function test_a_permit_of_somebody_else_is_forged() public {
        (Permit[] memory chain, bytes[] memory signatures) = one(permit(STANDING), ADMIN_KEY);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarPermitForged.selector, master, admin));
        vm.prank(admin);
        registrar.underPermit(chain, signatures, ban());
    }

    function test_a_permit_of_another_pool_is_forged() public {
        (Permit[] memory chain, bytes[] memory signatures) = one(permit(STANDING), MASTER_KEY);
        registrar = deployRegistrar(publicKeyOf(MASTER_KEY), 90 days);
        vm.prank(admin);
        (bool ok, bytes memory data) = address(registrar).call(
            abi.encodeCall(IRegistrar.underPermit, (chain, signatures, ban()))
        );
        vm.assertFalse(ok, "refused");
        vm.assertEq(bytes32(bytes4(data)), bytes32(IRegistrar.RegistrarPermitForged.selector), "forged");
    }

    function test_a_permit_ends_with_its_last_second() public {
        (Permit[] memory chain, bytes[] memory signatures) = one(permit(STANDING), MASTER_KEY);
        vm.warp(START + 1 days + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRegistrar.RegistrarPermitExpired.selector,
                START + 1 days,
                UnixTime.wrap(START + 1 days + 1)
            )
        );
        vm.prank(admin);
        registrar.underPermit(chain, signatures, ban());
        vm.warp(START + 1 days);
        vm.prank(admin);
        registrar.underPermit(chain, signatures, ban());
        vm.assertTrue(isBanned(), "in its last second");
    }

    function test_the_master_revokes_a_permit_and_nobody_else_does() public {
        (Permit[] memory chain, bytes[] memory signatures) = one(permit(STANDING), MASTER_KEY);
        vm.prank(helper);
        registrar.revokePermit(chain[0].id);
        vm.prank(admin);
        registrar.underPermit(chain, signatures, ban());
        vm.expectEmit(true, true, true, true, address(registrar));
        emit IRegistrar.PermitRevoked(chain[0].id, master);
        vm.prank(master);
        registrar.revokePermit(chain[0].id);
        vm.assertTrue(registrar.isPermitRevoked(master, chain[0].id), "revoked");
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarPermitRevoked.selector, chain[0].id, master));
        vm.prank(admin);
        registrar.underPermit(chain, signatures, ban());
    }

    function cut(uint32 scopes, uint32 expires) private view returns (Permit memory) {
        return Permit(bytes32(0), helper, scopes, expires, keccak256("permit 2"));
    }

    function test_a_holder_passes_on_less_than_it_has() public {
        (Permit[] memory chain, bytes[] memory signatures) = two(permit(STANDING | POLICY), cut(STANDING, START + 60));
        vm.prank(helper);
        registrar.underPermit(chain, signatures, ban());
        vm.assertTrue(isBanned(), "banned");
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarNotMaster.selector, master, helper));
        vm.prank(helper);
        registrar.underPermit(chain, signatures, abi.encodeCall(IRegistrar.setPolicy, (policyTerms().initial)));
    }

    function testFuzz_a_permit_cut_wider_is_refused(uint32 given, uint32 taken, uint32 expires) public {
        bool isWider = taken & ~given != 0 || expires > START + 1 days;
        taken |= STANDING;
        given |= STANDING;
        isWider = taken & ~given != 0 || expires > START + 1 days;
        vm.assume(expires >= START);
        (Permit[] memory chain, bytes[] memory signatures) = two(permit(given), cut(taken, expires));
        if (isWider) {
            vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarPermitWidened.selector, chain[1].id));
        }
        vm.prank(helper);
        registrar.underPermit(chain, signatures, ban());
        vm.assertEq(isBanned() ? 1 : 0, isWider ? 0 : 1, "banned");
    }

    function test_what_was_cut_ends_with_either_of_its_signers_word() public {
        (Permit[] memory chain, bytes[] memory signatures) = two(permit(STANDING), cut(STANDING, START + 60));
        address[2] memory signers = [admin, master];
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(signers[i]);
            registrar.revokePermit(chain[1].id);
            vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarPermitRevoked.selector, chain[1].id, admin));
            vm.prank(helper);
            registrar.underPermit(chain, signatures, ban());
        }
        (chain, signatures) = two(permit(STANDING), Permit(bytes32(0), helper, STANDING, START + 60, keccak256("3")));
        vm.prank(master);
        registrar.revokePermit(chain[0].id);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarPermitRevoked.selector, chain[0].id, master));
        vm.prank(helper);
        registrar.underPermit(chain, signatures, ban());
    }

    function test_a_link_of_another_chain_and_a_chain_of_no_or_too_many_links_are_refused() public {
        (Permit[] memory chain, bytes[] memory signatures) = two(permit(STANDING), cut(STANDING, START + 60));
        (chain[0], signatures[0]) = (permit(STANDING | POLICY), sign(MASTER_KEY, permit(STANDING | POLICY)));
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarPermitParent.selector, chain[1].id));
        vm.prank(helper);
        registrar.underPermit(chain, signatures, ban());
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarPermitChain.selector, 0, 0));
        registrar.underPermit(new Permit[](0), new bytes[](0), ban());
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarPermitChain.selector, 5, 5));
        registrar.underPermit(new Permit[](5), new bytes[](5), ban());
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarPermitChain.selector, 2, 1));
        registrar.underPermit(new Permit[](2), new bytes[](1), ban());
    }

    function test_a_member_that_lost_its_standing_acts_under_no_permit() public {
        (Permit[] memory chain, bytes[] memory signatures) = one(permit(STANDING), MASTER_KEY);
        vm.prank(admin);
        registrar.underPermit(chain, signatures, ban());
        Permit memory other = permit(POLICY);
        other.holder = agent;
        (chain, signatures) = one(other, MASTER_KEY);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarStandingLost.selector, agent, Standing.banned));
        vm.prank(agent);
        registrar.underPermit(chain, signatures, abi.encodeCall(IRegistrar.setPolicy, (policyTerms().initial)));
    }
}
