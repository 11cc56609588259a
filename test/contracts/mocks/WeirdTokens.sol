// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// What they have in common: anyone may mint, and burn as the market wants it.
abstract contract LooseToken is ERC20 {
    constructor() ERC20("Weird", "WEIRD") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function burn(uint256 amount) external virtual {
        _burn(msg.sender, amount);
    }
}

/// Keeps one part in a hundred of every transfer: less arrives than was sent.
contract ChargingToken is LooseToken {
    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(to, address(0), amount / 100);
    }
}

/// Takes a part more from the sender than it was told to send.
contract GreedyToken is LooseToken {
    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(from, address(0), amount / 100);
    }
}

/// Burns twice what it is told.
contract ScorchingToken is LooseToken {
    function burn(uint256 amount) external override {
        _burn(msg.sender, 2 * amount);
    }
}

/// Says false instead of moving anything.
contract RefusingToken is LooseToken {
    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// Returns nothing at all, like some old tokens.
contract SilentToken {
    mapping(address account => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }

    function burn(uint256 amount) external {
        balanceOf[msg.sender] -= amount;
    }
}

/// Calls back into the market while it moves, to be credited twice for one transfer.
contract ReenteringToken is LooseToken {
    address public target;
    bytes public payload;
    bool private _inside;

    function aim(address market, bytes calldata call) external {
        target = market;
        payload = call;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (target == address(0) || _inside) return;
        _inside = true;
        (bool ok, bytes memory reason) = target.call(payload);
        _inside = false;
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(reason, 0x20), mload(reason))
            }
        }
    }
}
