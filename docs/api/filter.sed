# What Doxygen reads instead of a header; lines stay where they are.
1s|^/// |/// @filedoc |
s|namespace bitnet::inline BITNET_ABI|namespace bitnet|
s#^\( *///\) \(Shapes\|Knobs\|Errors\|Source\)  *#\1 <br/>**\2** #
