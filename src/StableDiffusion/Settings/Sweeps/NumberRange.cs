using System.Globalization;
using System.Text.RegularExpressions;
using StableDiffusion.Storage;

namespace StableDiffusion.Settings.Sweeps;

/// <summary>
/// Lists of numbers in the syntax of A1111's X/Y/Z plot (<c>scripts/xyz_grid.py</c>, <c>process_axis</c>): <c>1-5</c>,
/// <c>1-10 (+2)</c> with a step, <c>1-10 [5]</c> with a count, and several of them with commas between.
/// </summary>
/// <remarks>
/// A range has its end if a step leads to it, and nothing beyond. A1111 leaves out the last two numbers of a falling range of
/// whole numbers, and runs past the end of fractions where the step does not divide them, or not exactly in binary.
/// </remarks>
internal static partial class NumberRange
{
    /// <summary>The greatest number of values of a setting.</summary>
    public const int MostValues = 1_000_000;

    // Whole numbers of so many digits are a long.
    private const int LongestNumber = 18;

    /// <summary>The numbers of a text.</summary>
    /// <param name="setting">The setting's name, for errors.</param>
    /// <param name="text">The text.</param>
    /// <param name="isWhole">Whether the setting takes whole numbers only: those of a count are then cut off towards zero, as A1111 does.</param>
    /// <returns>The numbers of ranges, as <see cref="long"/> or <see cref="double"/>, and the other parts of the text as they are.</returns>
    /// <exception cref="InvalidSettingException">A range has no values, has too many, or has fractions where there can be none.</exception>
    public static IReadOnlyList<object> Read(string setting, string text, bool isWhole)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<object> values = [];
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (Range().Match(part) is not { Success: true } match)
                values.Add(part);
            else
                values.AddRange(ReadRange(setting, part, match, isWhole).Select(value => isWhole ? (object)(long)value : (double)value));
            if (values.Count > MostValues)
                throw TooMany(setting, part);
        }

        return values;
    }

    private static IEnumerable<decimal> ReadRange(string setting, string part, Match match, bool isWhole)
    {
        decimal start = Number(1), end = Number(2);
        if (isWhole && !(decimal.IsInteger(start) && decimal.IsInteger(end)))
            throw new InvalidSettingException(setting, $"{setting} has the range '{Shown(part)}', but must be whole numbers, such as 10-20.");
        if (match.Groups[4].Success)
        {
            decimal count = Number(4);
            return count < 1 ? throw Empty(setting, part) : count > MostValues ? throw TooMany(setting, part) : Spread(start, end, (int)count, isWhole);
        }

        decimal step = match.Groups[3].Success ? Number(3) : 1;
        if (isWhole && !decimal.IsInteger(step))
            throw new InvalidSettingException(setting, $"{setting} has the range '{Shown(part)}', but must be whole numbers, such as 10-20 (+5).");
        if (step == 0 || (end - start) * Math.Sign(step) < 0)
            throw Empty(setting, part);
        decimal steps = Math.Floor((end - start) / step);
        return steps >= MostValues ? throw TooMany(setting, part) : Enumerable.Range(0, (int)steps + 1).Select(index => start + (index * step));

        decimal Number(int group) => match.Groups[group].Length <= LongestNumber
            ? decimal.Parse(match.Groups[group].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture)
            : throw new InvalidSettingException(setting, $"{setting} has the range '{Shown(part)}', whose numbers are too long. Give shorter ones.");
    }

    // One division at the end, so that whole numbers among the values are exact.
    private static IEnumerable<decimal> Spread(decimal start, decimal end, int count, bool isWhole) => Enumerable.Range(0, count).Select(index =>
    {
        decimal value = count == 1 ? start : ((start * (count - 1 - index)) + (end * index)) / (count - 1);
        return isWhole ? decimal.Truncate(value) : value;
    });

    private static InvalidSettingException Empty(string setting, string part) => new(
        setting, $"{setting} has the range '{Shown(part)}', which has no values. Give it as 1-10, 1-10 (+2), 10-1 (-1) or 1-10 [5].");

    private static InvalidSettingException TooMany(string setting, string part) => new(
        setting, $"{setting} has the range '{Shown(part)}', with which it has more than {MostValues} values. Give fewer.");

    private static string Shown(string part) => ModelFilePath.Printable(part);

    [GeneratedRegex(@"\A([+-]?[0-9]+(?:\.[0-9]*)?)\s*-\s*([+-]?[0-9]+(?:\.[0-9]*)?)\s*(?:\(\s*([+-][0-9]+(?:\.[0-9]*)?)\s*\)|\[\s*([0-9]+)\s*\])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Range();
}
