// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IRegistrar, Level, Standing} from "../../contracts/interfaces/IRegistrar.sol";
import {UnixTime} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {publicKeyOf} from "./Curve.sol";
import {RegistrarFace} from "./Deploy.sol";

/// Plays the pool at random: anybody calls anything. After every call it compares what changed with who was allowed to change it.
contract RegistrarHandler {
    uint256 private constant PEOPLE = 6; // the first is the master
    uint256 private constant FIRST = 0x9E0;

    RegistrarFace private registrar;
    address[] public people;
    bytes[] private _pubkeys;

    uint256 public breaks;
    string public firstBreak;
    uint256 public changes; // calls that changed something

    function keys() external returns (bytes memory masterKey) {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            people.push(vm.addr(FIRST + i));
            _pubkeys.push(publicKeyOf(FIRST + i));
        }
        return _pubkeys[0];
    }

    function begin(RegistrarFace registrar_) external {
        registrar = registrar_;
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

    function setStanding(uint256 who, uint256 whose, uint8 standing) external {
        _try(who, abi.encodeCall(IRegistrar.setStanding, (_person(whose), Standing(standing % 6), 1, bytes32(0))));
    }

    function assignManager(uint256 who, uint256 whose, uint256 manager) external {
        _try(who, abi.encodeCall(IRegistrar.assignManager, (_person(whose), _person(manager))));
    }

    function assignMonitor(uint256 who, uint256 whose, uint256 monitor) external {
        _try(who, abi.encodeCall(IRegistrar.assignMonitor, (_person(whose), _person(monitor))));
    }

    function assignIndex(uint256 who, uint256 whose, uint256 index) external {
        _try(who, abi.encodeCall(IRegistrar.assignIndex, (_person(whose), _person(index))));
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

    /// Roles fit the level, and there is exactly one master, the one of the start.
    function isWellFormed() external view returns (bool) {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            IRegistrar.Member memory it = registrar.member(people[i]);
            uint32 allowed = it.level == Level.agent ? 7 : it.level == Level.delegate ? 24 : 0;
            if (it.roles & ~allowed != 0) return false;
            if ((it.level == Level.master) != (i == 0)) return false;
            if (it.manager != address(0) && it.level != Level.agent) return false;
        }
        return true;
    }

    // --- the rules of INV10, told from the outside: what changed, and was the caller allowed to

    function _try(uint256 who, bytes memory call) private {
        address caller = _person(who);
        IRegistrar.Member[] memory before = _members();
        vm.prank(caller);
        (bool ok, ) = address(registrar).call(call);
        IRegistrar.Member[] memory afterwards = _members();
        if (ok) ++changes;
        for (uint256 i = 0; i < PEOPLE; ++i) {
            _judge(bytes4(call), caller, before, before[i], afterwards[i], people[i]);
        }
    }

    function _judge(
        bytes4 act,
        address caller,
        IRegistrar.Member[] memory all,
        IRegistrar.Member memory was,
        IRegistrar.Member memory is_,
        address id
    ) private {
        if (is_.level != was.level) {
            bool joined = was.level == Level.none && is_.level == Level.agent && caller == id && is_.roles == 0;
            bool dropped = is_.level == Level.none &&
                was.standing == Standing.abandoned &&
                block.timestamp >= uint256(UnixTime.unwrap(was.renewedAt)) + 4 * uint256(was.period);
            bool moved = act == IRegistrar.setLevel.selector && caller == people[0] && is_.level != Level.none;
            if (!(joined || dropped || moved)) _break("INV10 level");
            return;
        }
        if (is_.roles != was.roles && act != IRegistrar.setLevel.selector) {
            bool byMaster = caller == people[0] && was.level == Level.delegate;
            bool byManager = was.level == Level.agent && caller == was.manager && _acts(all, caller, 8);
            if (!(byMaster || byManager)) _break("INV10 roles");
        }
        if (is_.standing != was.standing) {
            bool byDelegate = act == IRegistrar.setStanding.selector && caller != id && _acts(all, caller, 24);
            bool lapsed = is_.standing == Standing.abandoned &&
                was.standing < Standing.banned &&
                block.timestamp >= uint256(UnixTime.unwrap(was.renewedAt)) + 2 * uint256(was.period);
            if (was.level == Level.master || !(byDelegate || lapsed)) _break("INV10 standing");
        }
        if (is_.manager != was.manager && act != IRegistrar.setLevel.selector) {
            bool own = caller == was.manager || (was.manager == address(0) && caller == is_.manager);
            bool allowed = caller == people[0] || _acts(all, caller, 16) || (own && _acts(all, caller, 8));
            if (!allowed || !_acts(all, is_.manager, 8)) _break("INV10 manager");
        }
        if (UnixTime.unwrap(is_.renewedAt) != UnixTime.unwrap(was.renewedAt) && caller != id) _break("renewed by other");
        if (keccak256(is_.pubkey) != keccak256(was.pubkey)) _break("a key changed silently");
    }

    /// Whether this one was, before the call, a delegate in standing with one of these roles.
    function _acts(IRegistrar.Member[] memory all, address id, uint32 roles) private view returns (bool) {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            if (people[i] != id) continue;
            IRegistrar.Member memory it = all[i];
            return it.level == Level.delegate && it.standing <= Standing.probation && it.roles & roles != 0;
        }
        return false;
    }

    function _members() private view returns (IRegistrar.Member[] memory all) {
        all = new IRegistrar.Member[](PEOPLE);
        for (uint256 i = 0; i < PEOPLE; ++i) all[i] = registrar.member(people[i]);
    }

    function _person(uint256 who) private view returns (address) {
        return people[who % PEOPLE];
    }

    function _break(string memory what) private {
        if (breaks++ == 0) firstBreak = what;
    }
}
