/// A text that is unlike what most small models were trained on.
#pragma once

#include <string_view>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// A letter, a recipe, a table, a program and a piece of German: about 1.8 KB. A model that was repaired on one kind of text may have
/// forgotten another, and this shows it where no better text is named.
inline constexpr std::string_view other_text =
    R"(Dear Ms. Okafor, thank you for your letter of 14 March. We have looked at invoice 20771 once more: of the 36 valves that you ordered, 35 were
delivered and 36 were charged. We will refund 118.40 within ten days. Please keep the damaged crate until our carrier, Brandt & Sons, has seen it.

Flat bread. 500 g of flour, 320 ml of lukewarm water, 10 g of salt, a spoon of oil. Knead for eight minutes, cover, and leave it for two hours.
Divide into six, roll each to the thickness of a coin, and bake on a hot plate until brown spots appear; turn once.

station    | height (m) | rain (mm) | coldest
Altdorf    | 447        | 1083      | -17.2
Bourg      | 231        | 812       | -12.9
Castellon  | 30         | 467       | -3.4

#include <vector>
int largest(const std::vector<int>& values) {
    int best = values.at(0);
    for (int value : values)
        if (value > best) best = value;
    return best;
}

The rate at which a capacitor discharges is proportional to the charge that is left on it. It follows that the voltage falls by the same
factor in equal times; after five time constants less than one per cent remains. An engineer who waits that long before touching the
terminals is usually safe, and one who measures first is always safe.

Der Fluss entspringt in 1240 Metern Höhe und erreicht nach 86 Kilometern die Ebene. Im Frühjahr steigt sein Wasser oft um zwei Meter, doch seit dem
Bau des Dammes wurde die Altstadt nicht mehr überschwemmt.

Q: How many prime numbers are below thirty? A: Ten: 2, 3, 5, 7, 11, 13, 17, 19, 23 and 29.
)";

}  // namespace bitnet::inline BITNET_ABI
