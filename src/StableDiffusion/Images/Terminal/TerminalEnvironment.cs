using System.Globalization;
using StableDiffusion.Settings;

namespace StableDiffusion.Images.Terminal;

/// <summary>
/// Finds out how a terminal shows images from the environment variables that it sets. The terminal is not asked: its answer would
/// come as if it were typed, among the keys of the user.
/// </summary>
internal static class TerminalEnvironment
{
    /// <summary>The variable by which a user says how the terminal shows images.</summary>
    public const string Variable = "STABLEDIFFUSION_TERMINAL";

    private const string Dumb = "dumb";

    // Konsole 22.04 was the first with SIXEL.
    private const int KonsoleWithSixel = 220400;

    // The names of terminals in TERM, up to their first hyphen.
    private static readonly Dictionary<string, TerminalProtocol> s_terminals = new(StringComparer.Ordinal)
    {
        ["foot"] = TerminalProtocol.Sixel,
        ["contour"] = TerminalProtocol.Sixel,
        ["mlterm"] = TerminalProtocol.Sixel,
    };

    private static readonly Dictionary<string, TerminalProtocol> s_programs = new(StringComparer.OrdinalIgnoreCase)
    {
        ["iTerm.app"] = TerminalProtocol.ITerm2,
        ["WezTerm"] = TerminalProtocol.ITerm2,
        ["ghostty"] = TerminalProtocol.Kitty,
        ["mintty"] = TerminalProtocol.Sixel,
    };

    /// <summary>Whether the terminal only writes one line after the other, such as the shell of an editor.</summary>
    /// <param name="variable">Gives the value of an environment variable; null where there is none.</param>
    public static bool IsDumb(Func<string, string?> variable) => variable("TERM") == Dumb;

    /// <summary>Finds the protocol.</summary>
    /// <param name="variable">Gives the value of an environment variable; null where there is none.</param>
    /// <param name="showsColors">Whether what is written to the terminal keeps its colors.</param>
    /// <returns>The protocol, which is not <see cref="TerminalProtocol.Auto"/>: that of <see cref="Variable"/>, the terminal's own, half blocks, or ASCII where there are to be no colors.</returns>
    /// <exception cref="InvalidSettingException"><see cref="Variable"/> has another value than a protocol.</exception>
    /// <remarks>
    /// In tmux and screen it is half blocks: both know no pictures by themselves (tmux shows SIXEL since 3.4, if it was built so),
    /// and what is passed through them does not move with the text. NO_COLOR (https://no-color.org) is about the colors of texts;
    /// a terminal that shows pixels goes on to show them.
    /// </remarks>
    public static TerminalProtocol Find(Func<string, string?> variable, bool showsColors = true)
    {
        TerminalProtocol asked = EnumSetting.Parse(Variable, variable(Variable), TerminalProtocol.Auto);
        if (asked != TerminalProtocol.Auto)
            return asked;

        string term = variable("TERM") ?? string.Empty, name = term.Split('-')[0];
        TerminalProtocol characters = showsColors && !Has("NO_COLOR") ? TerminalProtocol.HalfBlock : TerminalProtocol.Ascii;
        if (IsDumb(variable))
            return TerminalProtocol.Ascii;
        if (Has("TMUX") || Has("STY") || name is "tmux" or "screen")
            return characters;
        if (Has("KITTY_WINDOW_ID") || term is "xterm-kitty" or "xterm-ghostty")
            return TerminalProtocol.Kitty;
        if (s_programs.TryGetValue(variable("TERM_PROGRAM") ?? string.Empty, out TerminalProtocol program))
            return program;
        if (variable("LC_TERMINAL") == "iTerm2")
            return TerminalProtocol.ITerm2;
        if (Has("WT_SESSION") || (int.TryParse(variable("KONSOLE_VERSION"), NumberStyles.None, CultureInfo.InvariantCulture, out int konsole) && konsole >= KonsoleWithSixel))
            return TerminalProtocol.Sixel;
        return s_terminals.GetValueOrDefault(name, term.Contains("sixel", StringComparison.Ordinal) ? TerminalProtocol.Sixel : characters);

        bool Has(string asked) => !string.IsNullOrEmpty(variable(asked));
    }
}
