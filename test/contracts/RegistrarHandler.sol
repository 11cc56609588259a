// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IRegistrar, Level, Permit, Policy, Standing} from "../../contracts/interfaces/IRegistrar.sol";
import {UnixTime} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {publicKeyOf} from "./Curve.sol";
import {RegistrarFace} from "./Deploy.sol";

/// The parts of INV10.
enum Rule {
    level,
    roles,
    standing,
    manager,
    record,
    form,
    policy,
    permit
}

/// Plays the pool at random: anybody calls anything. After every call it compares what changed with who was allowed to change it.
contract RegistrarHandler {
    uint256 private constant PEOPLE = 6; // the first is the master
    uint256 private constant FIRST = 0x9E0;
    uint256 private constant RULES = 8;

    RegistrarFace private registrar;
    address[] public people;
    bytes[] private _pubkeys;

    /// What each member's record was after the last call that changed anything, as the registrar encodes it.
    bytes[PEOPLE] private _known;
    bytes32 private _knownPolicy;

    /// How often each rule was broken, and by what first.
    uint256[RULES] public breaks;
    string[RULES] public firstBreak;
    uint256 public changes; // calls that changed something
    uint256 public permitted; // of these, under a permit

    /// Scopes of the genuine permit under which the present call is tried, and what it calls.
    uint32 private _scopes;
    bytes4 private _act;
    bool private _isGenuine;

    function keys() external returns (bytes memory masterKey) {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            people.push(vm.addr(FIRST + i));
            _pubkeys.push(publicKeyOf(FIRST + i));
        }
        return _pubkeys[0];
    }

    function begin(RegistrarFace registrar_) external {
        registrar = registrar_;
        for (uint256 i = 0; i < PEOPLE; ++i) _known[i] = _read(i);
        _knownPolicy = _readPolicy();
    }

    function register(uint256 who, uint256 whose) external {
        _try(who, abi.encodeCall(IRegistrar.register, (_pubkeys[whose % PEOPLE], "a", "b")));
    }

    function setLevel(uint256 who, uint256 whose, uint8 level) external {
        _try(who, abi.encodeCall(IRegistrar.setLevel, (_person(whose), Level(level % 4))));
    }

    function setRoles(uint256 who, uint256 whose, uint32 roles) external {
        _try(who, abi.encodeCall(IRegistrar.setRoles, (_person(whose), roles % 32)));
    }

    /// One in eight has no reason, one in eight no evidence.
    function setStanding(uint256 who, uint256 whose, uint8 standing) external {
        uint16 reason = standing >= 224 ? 0 : 1;
        bytes32 evidence = standing < 32 ? bytes32(0) : bytes32(uint256(standing));
        _try(who, abi.encodeCall(IRegistrar.setStanding, (_person(whose), Standing(standing % 6), reason, evidence)));
    }

    function assignManager(uint256 who, uint256 whose, uint256 manager) external {
        _try(who, abi.encodeCall(IRegistrar.assignManager, (_person(whose), _person(manager))));
    }

    function assignMonitors(uint256 who, uint256 whose, uint256 a, uint256 b) external {
        _try(who, abi.encodeCall(IRegistrar.assignMonitors, (_person(whose), _pair(a, b))));
    }

    function assignIndexes(uint256 who, uint256 whose, uint256 a, uint256 b) external {
        _try(who, abi.encodeCall(IRegistrar.assignIndexes, (_person(whose), _pair(a, b))));
    }

    function _pair(uint256 a, uint256 b) private view returns (address[] memory pair) {
        pair = new address[](b % 3);
        if (pair.length > 0) pair[0] = _person(a);
        if (pair.length > 1) pair[1] = _person(b);
    }

    function resign(uint256 who) external {
        _try(who, abi.encodeCall(IRegistrar.resign, ()));
    }

    function setPolicy(uint256 who, uint16 share, bool inviteOnly) external {
        _try(who, abi.encodeCall(IRegistrar.setPolicy, (Policy(share, 2_500, 3_000, 31, 21, 7, inviteOnly))));
    }

    /// A call under a permit: of the master or, one time in four, of somebody who has none to give.
    function underPermit(uint256 who, uint256 whose, uint8 scopes, uint8 act, uint256 draw) external {
        uint32 given = uint32(scopes) % 16;
        uint32 expires = uint32(block.timestamp) + uint32(draw % 3) - 1;
        _isGenuine = draw % 4 > 0 && expires >= block.timestamp;
        Permit[] memory chain = new Permit[](1);
        chain[0] = Permit(bytes32(0), _person(who), given, expires, bytes32(draw));
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _sign(draw % 4 > 0 ? FIRST : FIRST + 1 + (draw % (PEOPLE - 1)), chain[0]);
        bytes memory call = _permitted(act, _person(whose), draw);
        _scopes = _isGenuine ? given : 0;
        _act = bytes4(call);
        _try(who, abi.encodeCall(IRegistrar.underPermit, (chain, signatures, call)));
        _scopes = 0;
    }

    function _permitted(uint8 act, address id, uint256 draw) private view returns (bytes memory) {
        if (act % 5 == 0) return abi.encodeCall(IRegistrar.setStanding, (id, Standing((draw >> 8) % 6), 1, bytes32(draw | 1)));
        if (act % 5 == 1) return abi.encodeCall(IRegistrar.setLevel, (id, Level((draw >> 8) % 4)));
        if (act % 5 == 2) return abi.encodeCall(IRegistrar.setRoles, (id, uint32(draw >> 8) % 32));
        if (act % 5 == 3) return abi.encodeCall(IRegistrar.assignManager, (id, _person(draw >> 8)));
        return abi.encodeCall(IRegistrar.setPolicy, (Policy(uint16(draw) % 1_000, 2_500, 3_000, 31, 21, 7, false)));
    }

    function _sign(uint256 secret, Permit memory it) private view returns (bytes memory) {
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
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
        return abi.encodePacked(r, s, v);
    }

    function renew(uint256 who, uint256 whose) external {
        _try(who, abi.encodeCall(IRegistrar.renew, (_person(whose))));
    }

    function setPeriod(uint256 who, uint32 period) external {
        _try(who, abi.encodeCall(IRegistrar.setPeriod, (20 days + (period % 365 days))));
    }

    function abandon(uint256 who, uint256 whose) external {
        _try(who, abi.encodeCall(IRegistrar.abandon, (_person(whose))));
    }

    function drop(uint256 who, uint256 whose) external {
        _try(who, abi.encodeCall(IRegistrar.drop, (_person(whose))));
    }

    function wait(uint32 howLong) external {
        vm.warp(block.timestamp + (howLong % 100 days));
    }

    // --- the rules of INV10, told from the outside: what changed, and was the caller allowed to

    /// Only this handler calls the registrar, so a call that was refused has changed nothing, and records are compared as bytes
    /// before they are taken apart: that is what lets a play be long.
    function _try(uint256 who, bytes memory call) private {
        address caller = _person(who);
        vm.prank(caller);
        (bool ok, ) = address(registrar).call(call);
        if (!ok) return;
        ++changes;
        bytes4 act = bytes4(call);
        if (act == IRegistrar.underPermit.selector) {
            act = _act;
            if (!_isGenuine) _break(Rule.permit, "a permit of nobody worked");
            ++permitted;
        }
        bytes32 policy = _readPolicy();
        if (policy != _knownPolicy) {
            if (caller != people[0] && _scopes & 4 == 0) _break(Rule.policy, "policy");
            _knownPolicy = policy;
        }
        bytes[] memory fresh = new bytes[](PEOPLE);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            fresh[i] = _read(i);
            if (keccak256(fresh[i]) == keccak256(_known[i])) continue;
            IRegistrar.Member memory was = abi.decode(_known[i], (IRegistrar.Member));
            IRegistrar.Member memory is_ = abi.decode(fresh[i], (IRegistrar.Member));
            _judge(act, caller, was, is_, people[i]);
            _judgeForm(is_, i);
        }
        for (uint256 i = 0; i < PEOPLE; ++i) {
            if (keccak256(fresh[i]) != keccak256(_known[i])) _known[i] = fresh[i];
        }
    }

    /// Roles fit the level, and there is exactly one master, the one of the start.
    function _judgeForm(IRegistrar.Member memory it, uint256 i) private {
        uint32 allowed = it.level == Level.agent ? 7 : it.level == Level.delegate ? 24 : 0;
        if (it.roles & ~allowed != 0) _break(Rule.form, "roles beyond the level");
        if ((it.level == Level.master) != (i == 0)) _break(Rule.form, "another master");
        if (it.level == Level.agent) return;
        if (it.manager != address(0)) _break(Rule.form, "a manager of no agent");
        if (it.monitors.length + it.indexes.length > 0) _break(Rule.form, "watchers of no agent");
    }

    /// Whether all is as the last change left it, and as it may be: for the beginning of a play.
    function isWellFormed() external returns (bool) {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            bytes memory now_ = _read(i);
            if (keccak256(now_) != keccak256(_known[i])) return false;
            _judgeForm(abi.decode(now_, (IRegistrar.Member)), i);
        }
        return breaks[uint256(Rule.form)] == 0;
    }

    function _judge(
        bytes4 act,
        address caller,
        IRegistrar.Member memory was,
        IRegistrar.Member memory is_,
        address id
    ) private {
        if (is_.level != was.level) {
            bool joined = was.level == Level.none && is_.level == Level.agent && caller == id && is_.roles == 0;
            bool dropped = is_.level == Level.none &&
                was.standing == Standing.abandoned &&
                block.timestamp >= uint256(UnixTime.unwrap(was.renewedAt)) + 4 * uint256(was.period);
            bool proxy = _scopes & 8 != 0 && caller != id;
            bool moved = act == IRegistrar.setLevel.selector && (caller == people[0] || proxy) && is_.level != Level.none;
            if (!(joined || dropped || moved)) _break(Rule.level, "level");
            return;
        }
        // who resigns ends its own work, and nothing else
        if (act == IRegistrar.resign.selector) {
            bool isOwn = caller == id && is_.roles == 0 && is_.manager == address(0) && is_.standing == was.standing;
            if (!isOwn) _break(Rule.roles, "resigned for another");
            return;
        }
        if (is_.roles != was.roles && act != IRegistrar.setLevel.selector) {
            bool byMaster = (caller == people[0] || (_scopes & 8 != 0 && caller != id)) && was.level == Level.delegate;
            bool byManager = was.level == Level.agent && caller == was.manager && _acts(caller, 8);
            if (!(byMaster || byManager)) _break(Rule.roles, "roles");
        }
        if (is_.standing != was.standing) {
            bool byDelegate = act == IRegistrar.setStanding.selector &&
                caller != id &&
                (_acts(caller, 24) || _scopes & 1 != 0);
            bool lapsed = is_.standing == Standing.abandoned &&
                was.standing < Standing.banned &&
                block.timestamp >= uint256(UnixTime.unwrap(was.renewedAt)) + 2 * uint256(was.period);
            if (was.level == Level.master || !(byDelegate || lapsed)) _break(Rule.standing, "standing");
        }
        if (is_.manager != was.manager && act != IRegistrar.setLevel.selector) {
            bool own = caller == was.manager || (was.manager == address(0) && caller == is_.manager);
            bool proxy = _scopes & 2 != 0 && caller != id;
            bool allowed = caller == people[0] || proxy || _acts(caller, 16) || (own && _acts(caller, 8));
            if (!allowed || !_acts(is_.manager, 8)) _break(Rule.manager, "manager");
        }
        if (_differ(is_.monitors, was.monitors) && act != IRegistrar.setLevel.selector) _judgeWatchers(caller, was, is_.monitors, id);
        if (_differ(is_.indexes, was.indexes) && act != IRegistrar.setLevel.selector) _judgeWatchers(caller, was, is_.indexes, id);
        if (UnixTime.unwrap(is_.renewedAt) != UnixTime.unwrap(was.renewedAt) && caller != id) _break(Rule.record, "renewed by other");
        if (keccak256(is_.pubkey) != keccak256(was.pubkey)) _break(Rule.record, "a key changed silently");
    }

    function _differ(address[] memory a, address[] memory b) private pure returns (bool) {
        return keccak256(abi.encode(a)) != keccak256(abi.encode(b));
    }

    /// Watchers come from the agent's manager; none twice, none is the agent.
    function _judgeWatchers(address caller, IRegistrar.Member memory was, address[] memory watchers, address id) private {
        if (caller != was.manager || !_acts(caller, 8)) _break(Rule.manager, "watchers");
        if (watchers.length > 8) _break(Rule.form, "too many watchers");
        for (uint256 i = 0; i < watchers.length; ++i) {
            if (watchers[i] == id) _break(Rule.form, "its own watcher");
            for (uint256 j = 0; j < i; ++j) {
                if (watchers[i] == watchers[j]) _break(Rule.form, "a watcher twice");
            }
        }
    }

    /// Whether this one was, before the call, a delegate in standing with one of these roles.
    function _acts(address id, uint32 roles) private view returns (bool) {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            if (people[i] != id) continue;
            IRegistrar.Member memory it = abi.decode(_known[i], (IRegistrar.Member));
            return it.level == Level.delegate && it.standing <= Standing.probation && it.roles & roles != 0;
        }
        return false;
    }

    /// A member's record as the registrar encodes it.
    function _read(uint256 i) private view returns (bytes memory record) {
        (, record) = address(registrar).staticcall(abi.encodeCall(IRegistrar.member, (people[i])));
    }

    function _readPolicy() private view returns (bytes32) {
        return keccak256(abi.encode(registrar.policy()));
    }

    function _person(uint256 who) private view returns (address) {
        return people[who % PEOPLE];
    }

    function _break(Rule rule, string memory what) private {
        if (breaks[uint256(rule)]++ == 0) firstBreak[uint256(rule)] = what;
    }
}
