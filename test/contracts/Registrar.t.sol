// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IRegistrar, Level, Standing} from "../../contracts/interfaces/IRegistrar.sol";
import {UnixTime} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {publicKeyOf} from "./Curve.sol";
import {RegistrarFace, deployRegistrar} from "./Deploy.sol";

contract RegistrarTest {
    uint256 private constant START = 1_800_000_000;
    uint32 private constant PERIOD = 90 days;
    uint256 private constant MASTER_KEY = 0x3A573;
    uint256 private constant DELEGATE_KEY = 0xDE1E6;
    uint256 private constant AGENT_KEY = 0xA6E27;
    uint256 private constant WATCHER_KEY = 0x3A7C4;
    bytes32 private constant EVIDENCE = keccak256("evidence");

    address private immutable master = vm.addr(MASTER_KEY);
    address private immutable delegate = vm.addr(DELEGATE_KEY);
    address private immutable agent = vm.addr(AGENT_KEY);
    address private immutable watcher = vm.addr(WATCHER_KEY);

    RegistrarFace private registrar;

    /// A pool with a master, a delegate who is manager and registrar, and an agent managed by it.
    function setUp() public {
        vm.warp(START);
        registrar = deployRegistrar(publicKeyOf(MASTER_KEY), PERIOD);
        join(DELEGATE_KEY);
        join(AGENT_KEY);
        join(WATCHER_KEY);
        vm.prank(master);
        registrar.setLevel(delegate, Level.delegate);
        vm.prank(master);
        registrar.setRoles(delegate, 24);
        vm.prank(delegate);
        registrar.assignManager(agent, delegate);
    }

    function join(uint256 secret) private {
        bytes memory pubkey = publicKeyOf(secret);
        vm.prank(vm.addr(secret));
        registrar.register(pubkey, "/ip4/127.0.0.1/tcp/1", "");
    }

    // --- registration

    function test_the_id_is_the_hash_of_the_key_and_the_account_of_the_key() public view {
        IRegistrar.Member memory member = registrar.member(agent);
        vm.assertEq(keccak256(member.pubkey), keccak256(publicKeyOf(AGENT_KEY)), "key");
        vm.assertEq(address(uint160(uint256(keccak256(member.pubkey)))), agent, "id");
        vm.assertEq(uint256(member.level), uint256(Level.agent), "level");
        vm.assertEq(uint256(member.standing), uint256(Standing.compliant), "standing");
        vm.assertEq(uint256(member.roles), 0, "no role");
        vm.assertEq(uint256(UnixTime.unwrap(member.registeredAt)), START, "registered");
        vm.assertEq(member.secureAddr, "/ip4/127.0.0.1/tcp/1", "address");
    }

    function test_the_master_is_a_member_from_the_start_and_for_ever() public view {
        vm.assertEq(registrar.master(), master, "master");
        vm.assertEq(uint256(registrar.member(master).level), uint256(Level.master), "level");
    }

    function test_the_pool_id_binds_chain_and_address() public view {
        vm.assertEq(registrar.poolId(), keccak256(abi.encode(block.chainid, address(registrar))), "pool id");
    }

    function test_a_key_registers_only_itself() public {
        bytes memory pubkey = publicKeyOf(0x51);
        vm.expectRevert(
            abi.encodeWithSelector(IRegistrar.RegistrarKeyOfOther.selector, vm.addr(0x51), vm.addr(0x52))
        );
        vm.prank(vm.addr(0x52));
        registrar.register(pubkey, "", "");
    }

    function test_a_taken_id_is_refused() public {
        bytes memory pubkey = publicKeyOf(AGENT_KEY);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarIdTaken.selector, agent));
        vm.prank(agent);
        registrar.register(pubkey, "", "");
    }

    function test_a_key_of_another_length_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarKeyLength.selector, 64, 65));
        registrar.register(new bytes(65), "", "");
    }

    function test_an_endpoint_of_257_bytes_is_refused() public {
        bytes memory pubkey = publicKeyOf(0x51);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarEndpointTooLong.selector, 256, 257));
        vm.prank(vm.addr(0x51));
        registrar.register(pubkey, "", string(new bytes(257)));
    }

    function signRegister(uint256 secret, string memory secureAddr, uint32 deadline) private view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Holdfast Pool"),
                keccak256("1"),
                block.chainid,
                address(registrar)
            )
        );
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Register(bytes pubkey,string secureAddr,string insecureAddr,uint32 deadline)"),
                keccak256(publicKeyOf(secret)),
                keccak256(bytes(secureAddr)),
                keccak256(""),
                uint256(deadline)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
        return abi.encodePacked(r, s, v);
    }

    function test_anyone_may_submit_the_signed_registration_of_a_key_without_money() public {
        bytes memory pubkey = publicKeyOf(0x51);
        bytes memory signature = signRegister(0x51, "/ip4/1.2.3.4/tcp/5", uint32(START));
        registrar.registerFor(pubkey, "/ip4/1.2.3.4/tcp/5", "", UnixTime.wrap(uint32(START)), signature);
        vm.assertEq(registrar.member(vm.addr(0x51)).secureAddr, "/ip4/1.2.3.4/tcp/5", "address");
    }

    function test_a_relayer_cannot_change_the_endpoint_of_a_signed_registration() public {
        bytes memory pubkey = publicKeyOf(0x51);
        bytes memory signature = signRegister(0x51, "/ip4/1.2.3.4/tcp/5", uint32(START));
        vm.expectRevert();
        registrar.registerFor(pubkey, "/ip4/6.6.6.6/tcp/6", "", UnixTime.wrap(uint32(START)), signature);
        vm.assertEq(uint256(registrar.member(vm.addr(0x51)).level), uint256(Level.none), "no member");
    }

    function test_a_signed_registration_ends_with_its_deadline() public {
        bytes memory pubkey = publicKeyOf(0x51);
        bytes memory signature = signRegister(0x51, "", uint32(START));
        vm.warp(START + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRegistrar.RegistrarPastDeadline.selector,
                UnixTime.wrap(uint32(START)),
                UnixTime.wrap(uint32(START) + 1)
            )
        );
        registrar.registerFor(pubkey, "", "", UnixTime.wrap(uint32(START)), signature);
    }

    function test_endpoints_are_changed_by_the_key() public {
        vm.expectEmit(true, true, true, true, address(registrar));
        emit IRegistrar.EndpointsChanged(agent, "/ip4/1.1.1.1/tcp/1", "/ip4/1.1.1.1/tcp/2");
        vm.prank(agent);
        registrar.setEndpoints("/ip4/1.1.1.1/tcp/1", "/ip4/1.1.1.1/tcp/2");
        vm.assertEq(registrar.member(agent).insecureAddr, "/ip4/1.1.1.1/tcp/2", "address");
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarNotMember.selector, address(this)));
        registrar.setEndpoints("", "");
    }

    // --- privilege and roles

    function testFuzz_only_the_master_raises_or_lowers(address caller) public {
        vm.assume(caller != master);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarNotMaster.selector, master, caller));
        vm.prank(caller);
        registrar.setLevel(agent, Level.delegate);
    }

    function test_nobody_becomes_master_and_the_master_stays_one() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarLevelNotGivable.selector, Level.master));
        vm.prank(master);
        registrar.setLevel(agent, Level.master);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarLevelNotGivable.selector, Level.master));
        vm.prank(master);
        registrar.setLevel(master, Level.agent);
    }

    function test_a_level_given_twice_leaves_the_roles_alone() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarLevelNotGivable.selector, Level.delegate));
        vm.prank(master);
        registrar.setLevel(delegate, Level.delegate);
        vm.assertEq(uint256(registrar.member(delegate).roles), 24, "roles");
    }

    function testFuzz_roles_of_another_level_are_refused(uint32 roles) public {
        uint32 foreign = roles & ~uint32(7);
        vm.prank(delegate);
        if (foreign != 0) {
            vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarRolesOfOtherLevel.selector, 7, roles));
        }
        registrar.setRoles(agent, roles);
        vm.assertEq(uint256(registrar.member(agent).roles), foreign == 0 ? roles : 0, "roles");
    }

    function test_agent_roles_for_a_delegate_are_refused() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarRolesOfOtherLevel.selector, 24, 9));
        vm.prank(master);
        registrar.setRoles(delegate, 9);
    }

    function test_the_master_gives_no_agent_roles_and_a_manager_no_delegate_roles() public {
        vm.expectRevert(
            abi.encodeWithSelector(IRegistrar.RegistrarNotManagerOf.selector, agent, delegate, master)
        );
        vm.prank(master);
        registrar.setRoles(agent, 1);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarNotMaster.selector, master, delegate));
        vm.prank(delegate);
        registrar.setRoles(delegate, 8);
    }

    function test_a_manager_gives_roles_to_its_own_agents_only() public {
        vm.expectRevert(
            abi.encodeWithSelector(IRegistrar.RegistrarNotManagerOf.selector, watcher, address(0), delegate)
        );
        vm.prank(delegate);
        registrar.setRoles(watcher, 4);
    }

    function test_lowering_a_delegate_ends_its_roles() public {
        vm.prank(master);
        registrar.setLevel(delegate, Level.agent);
        vm.assertEq(uint256(registrar.member(delegate).roles), 0, "roles");
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarNotDelegate.selector, delegate));
        vm.prank(delegate);
        registrar.setRoles(agent, 1);
    }

    function test_a_banned_delegate_acts_no_more() public {
        raise(WATCHER_KEY, 8);
        vm.prank(watcher);
        registrar.setStanding(delegate, Standing.banned, 7, EVIDENCE);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarNotDelegate.selector, delegate));
        vm.prank(delegate);
        registrar.setStanding(watcher, Standing.banned, 7, EVIDENCE);
    }

    function raise(uint256 secret, uint32 roles) private {
        vm.prank(master);
        registrar.setLevel(vm.addr(secret), Level.delegate);
        vm.prank(master);
        registrar.setRoles(vm.addr(secret), roles);
    }

    // --- assignments

    function test_a_manager_takes_an_agent_that_has_none_and_not_one_that_has() public {
        raise(WATCHER_KEY, 8);
        join(0x51);
        vm.prank(watcher);
        registrar.assignManager(vm.addr(0x51), watcher);
        vm.assertEq(registrar.member(vm.addr(0x51)).manager, watcher, "taken");
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarLacksRole.selector, watcher, 16, 8));
        vm.prank(watcher);
        registrar.assignManager(agent, watcher);
    }

    function test_a_stranger_assigns_nothing() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarNotDelegate.selector, agent));
        vm.prank(agent);
        registrar.assignManager(watcher, delegate);
        vm.expectRevert(
            abi.encodeWithSelector(IRegistrar.RegistrarNotManagerOf.selector, agent, delegate, watcher)
        );
        vm.prank(watcher);
        registrar.assignMonitors(agent, _list(watcher));
    }

    function test_only_a_manager_is_assigned_as_one() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarNotDelegate.selector, watcher));
        vm.prank(master);
        registrar.assignManager(agent, watcher);
    }

    function _list(address one) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = one;
    }

    /// Agents of the delegate, with the roles of watchers.
    function joinWatchers(uint256 count) private returns (address[] memory watchers) {
        watchers = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            join(0x700 + i);
            watchers[i] = vm.addr(0x700 + i);
            vm.prank(delegate);
            registrar.assignManager(watchers[i], delegate);
            vm.prank(delegate);
            registrar.setRoles(watchers[i], 6);
        }
    }

    function test_an_agent_has_up_to_eight_monitors_and_eight_indexes() public {
        address[] memory watchers = joinWatchers(8);
        vm.expectEmit(true, true, true, true, address(registrar));
        emit IRegistrar.MonitorsAssigned(agent, delegate, watchers);
        vm.prank(delegate);
        registrar.assignMonitors(agent, watchers);
        vm.expectEmit(true, true, true, true, address(registrar));
        emit IRegistrar.IndexesAssigned(agent, delegate, watchers);
        vm.prank(delegate);
        registrar.assignIndexes(agent, watchers);
        IRegistrar.Member memory it = registrar.member(agent);
        vm.assertEq(keccak256(abi.encode(it.monitors)), keccak256(abi.encode(watchers)), "monitors");
        vm.assertEq(keccak256(abi.encode(it.indexes)), keccak256(abi.encode(watchers)), "indexes");
        vm.prank(delegate);
        registrar.assignMonitors(agent, _list(watchers[3]));
        vm.assertEq(registrar.member(agent).monitors.length, 1, "replaced as a whole");
        vm.prank(delegate);
        registrar.assignMonitors(agent, new address[](0));
        vm.assertEq(registrar.member(agent).monitors.length, 0, "none");
    }

    function test_a_ninth_watcher_is_refused() public {
        address[] memory watchers = joinWatchers(9);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarWatchersTooMany.selector, 8, 9));
        vm.prank(delegate);
        registrar.assignMonitors(agent, watchers);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarWatchersTooMany.selector, 8, 9));
        vm.prank(delegate);
        registrar.assignIndexes(agent, watchers);
    }

    function test_a_watcher_needs_its_role_is_named_once_and_does_not_watch_itself() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarLacksRole.selector, watcher, 4, 0));
        vm.prank(delegate);
        registrar.assignMonitors(agent, _list(watcher));
        address[] memory watchers = joinWatchers(2);
        watchers[1] = watchers[0];
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarWatcherTwice.selector, watchers[0]));
        vm.prank(delegate);
        registrar.assignMonitors(agent, watchers);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarWatcherOfItself.selector, watchers[0]));
        vm.prank(delegate);
        registrar.assignMonitors(watchers[0], _list(watchers[0]));
    }

    function test_a_change_of_level_ends_the_watching() public {
        address[] memory watchers = joinWatchers(2);
        vm.prank(delegate);
        registrar.assignMonitors(agent, watchers);
        vm.prank(delegate);
        registrar.assignIndexes(agent, watchers);
        vm.prank(master);
        registrar.setLevel(agent, Level.delegate);
        IRegistrar.Member memory it = registrar.member(agent);
        vm.assertEq(it.monitors.length + it.indexes.length, 0, "none");
        vm.assertEq(it.manager, address(0), "no manager");
    }

    // --- leaving, invitations

    function test_who_resigns_has_no_work_and_no_endpoints_and_keeps_level_and_standing() public {
        vm.prank(delegate);
        registrar.setRoles(agent, 1);
        vm.prank(delegate);
        registrar.setStanding(agent, Standing.banned, 5, EVIDENCE);
        vm.expectEmit(true, true, true, true, address(registrar));
        emit IRegistrar.Resigned(agent);
        vm.prank(agent);
        registrar.resign();
        IRegistrar.Member memory it = registrar.member(agent);
        vm.assertEq(uint256(it.roles), 0, "roles");
        vm.assertEq(it.manager, address(0), "manager");
        vm.assertEq(it.secureAddr, "", "endpoint");
        vm.assertEq(uint256(it.level), uint256(Level.agent), "level");
        vm.assertEq(uint256(it.standing), uint256(Standing.banned), "a verdict is not left behind");
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarLevelNotGivable.selector, Level.master));
        vm.prank(master);
        registrar.resign();
    }

    function test_only_members_present_invitations_and_short_ones() public {
        vm.expectEmit(true, true, true, true, address(registrar));
        emit IRegistrar.InvitationPresented(agent, hex"01");
        vm.prank(agent);
        registrar.presentInvitation(hex"01");
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarNotMember.selector, address(this)));
        registrar.presentInvitation(hex"01");
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarInvitationTooLong.selector, 256, 257));
        vm.prank(agent);
        registrar.presentInvitation(new bytes(257));
    }

    // --- standing

    function test_standing_changes_with_reason_and_evidence_and_back() public {
        vm.expectEmit(true, true, true, true, address(registrar));
        emit IRegistrar.StandingChanged(agent, delegate, Standing.violation, 42, EVIDENCE);
        vm.prank(delegate);
        registrar.setStanding(agent, Standing.violation, 42, EVIDENCE);
        vm.assertEq(uint256(registrar.member(agent).standing), uint256(Standing.violation), "standing");
        vm.prank(delegate);
        registrar.setStanding(agent, Standing.compliant, 43, EVIDENCE);
        vm.assertEq(uint256(registrar.member(agent).standing), uint256(Standing.compliant), "restored");
    }

    function test_no_standing_changes_without_a_reason_or_without_evidence() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarReasonMissing.selector, agent));
        vm.prank(delegate);
        registrar.setStanding(agent, Standing.violation, 0, EVIDENCE);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarEvidenceMissing.selector, agent));
        vm.prank(delegate);
        registrar.setStanding(agent, Standing.violation, 1, bytes32(0));
        vm.assertEq(uint256(registrar.member(agent).standing), uint256(Standing.compliant), "standing");
    }

    function test_neither_agent_nor_master_changes_standing() public {
        address[2] memory callers = [agent, master];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarNotDelegate.selector, callers[i]));
            vm.prank(callers[i]);
            registrar.setStanding(watcher, Standing.banned, 1, EVIDENCE);
        }
    }

    function test_a_delegate_changes_neither_its_own_standing_nor_the_masters() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarOwnStanding.selector, delegate));
        vm.prank(delegate);
        registrar.setStanding(delegate, Standing.compliant, 1, EVIDENCE);
        vm.expectRevert(
            abi.encodeWithSelector(IRegistrar.RegistrarStandingKept.selector, master, Standing.compliant)
        );
        vm.prank(delegate);
        registrar.setStanding(master, Standing.banned, 1, EVIDENCE);
    }

    // --- renewal

    function test_a_key_renews_itself_and_nobody_else_does() public {
        vm.warp(START + 45 days);
        vm.expectEmit(true, true, true, true, address(registrar));
        emit IRegistrar.Renewed(agent, UnixTime.wrap(uint32(START) + 45 days), PERIOD);
        vm.prank(agent);
        registrar.renew(agent);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarKeyOfOther.selector, agent, watcher));
        vm.prank(watcher);
        registrar.renew(agent);
    }

    function test_abandoned_after_two_missed_periods_and_dropped_after_two_more() public {
        expectNotYet(START + 2 * PERIOD, START + 2 * PERIOD - 1);
        registrar.abandon(agent);
        vm.warp(START + 2 * PERIOD);
        vm.expectEmit(true, true, true, true, address(registrar));
        emit IRegistrar.StandingChanged(agent, address(this), Standing.abandoned, 0, bytes32(0));
        registrar.abandon(agent);

        expectNotYet(START + 4 * PERIOD, START + 4 * PERIOD - 1);
        registrar.drop(agent);
        vm.warp(START + 4 * PERIOD);
        registrar.drop(agent);
        vm.assertEq(uint256(registrar.member(agent).level), uint256(Level.none), "gone");
        join(AGENT_KEY); // and may come again
    }

    function expectNotYet(uint256 earliest, uint256 moment) private {
        vm.warp(moment);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRegistrar.RegistrarNotYet.selector,
                UnixTime.wrap(uint32(earliest)),
                UnixTime.wrap(uint32(moment))
            )
        );
    }

    function test_a_renewal_is_refused_before_a_quarter_of_the_period() public {
        uint32 earliest = uint32(START) + PERIOD / 4;
        vm.warp(earliest - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRegistrar.RegistrarRenewalEarly.selector,
                UnixTime.wrap(earliest),
                UnixTime.wrap(earliest - 1)
            )
        );
        vm.prank(agent);
        registrar.renew(agent);
        vm.warp(earliest);
        vm.prank(agent);
        registrar.renew(agent);
        vm.assertEq(uint256(UnixTime.unwrap(registrar.member(agent).renewedAt)), earliest, "renewed");
    }

    function test_a_renewal_is_refused_once_the_key_may_be_dropped() public {
        vm.warp(START + 4 * PERIOD);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRegistrar.RegistrarRenewalLate.selector,
                UnixTime.wrap(uint32(START) + 4 * PERIOD),
                UnixTime.wrap(uint32(START) + 4 * PERIOD)
            )
        );
        vm.prank(agent);
        registrar.renew(agent);
        vm.prank(master); // whose key is never dropped
        registrar.renew(master);
    }

    function test_who_was_abandoned_renews_and_is_then_restored_by_a_delegate() public {
        vm.warp(START + 2 * PERIOD);
        vm.prank(delegate);
        registrar.renew(delegate);
        registrar.abandon(agent);
        vm.prank(agent);
        registrar.renew(agent);
        vm.assertEq(uint256(registrar.member(agent).standing), uint256(Standing.abandoned), "renewal restores nothing");
        vm.prank(delegate);
        registrar.setStanding(agent, Standing.compliant, 9, EVIDENCE);
        expectNotYet(START + 4 * PERIOD, START + 2 * PERIOD);
        registrar.abandon(agent);
    }

    function test_a_member_that_renewed_is_not_abandoned() public {
        vm.warp(START + 2 * PERIOD);
        vm.prank(agent);
        registrar.renew(agent);
        expectNotYet(START + 4 * PERIOD, START + 2 * PERIOD);
        registrar.abandon(agent);
    }

    function test_a_ban_cannot_be_waited_out() public {
        Standing[2] memory kept = [Standing.banned, Standing.compromised];
        for (uint256 i = 0; i < kept.length; ++i) {
            vm.prank(delegate);
            registrar.setStanding(agent, kept[i], 1, EVIDENCE);
            vm.warp(START + 10 * PERIOD);
            vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarStandingKept.selector, agent, kept[i]));
            registrar.abandon(agent);
            vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarStandingKept.selector, agent, kept[i]));
            registrar.drop(agent);
        }
    }

    function test_a_member_in_standing_is_not_dropped() public {
        vm.warp(START + 10 * PERIOD);
        vm.expectRevert(
            abi.encodeWithSelector(IRegistrar.RegistrarStandingKept.selector, agent, Standing.compliant)
        );
        registrar.drop(agent);
    }

    function test_the_master_does_not_lapse() public {
        vm.warp(START + 10 * PERIOD);
        vm.expectRevert(
            abi.encodeWithSelector(IRegistrar.RegistrarStandingKept.selector, master, Standing.compliant)
        );
        registrar.abandon(master);
    }

    function test_a_shorter_period_strikes_nobody_who_renewed_under_the_longer_one() public {
        vm.prank(delegate);
        registrar.setPeriod(30 days);
        expectNotYet(START + 2 * PERIOD, START + 60 days);
        registrar.abandon(agent);
    }

    function testFuzz_the_period_stays_within_30_and_365_days(uint32 period) public {
        bool fits = period >= 30 days && period <= 365 days;
        if (!fits) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IRegistrar.RegistrarPeriodOutside.selector,
                    uint32(30 days),
                    uint32(365 days),
                    period
                )
            );
        }
        vm.prank(delegate);
        registrar.setPeriod(period);
        vm.assertEq(uint256(registrar.period()), fits ? period : PERIOD, "period");
    }

    function test_only_a_registrar_sets_the_period() public {
        raise(WATCHER_KEY, 8);
        vm.expectRevert(abi.encodeWithSelector(IRegistrar.RegistrarLacksRole.selector, watcher, 16, 8));
        vm.prank(watcher);
        registrar.setPeriod(60 days);
    }
}
