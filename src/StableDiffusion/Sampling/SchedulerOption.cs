using System.Collections;
using System.Globalization;

namespace StableDiffusion.Sampling;

/// <summary>An option of a scheduler.</summary>
public sealed record SchedulerOption
{
    /// <summary>Its name in diffusers, such as <c>timestep_spacing</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The kind of value that it accepts.</summary>
    public required SchedulerOptionKind Kind { get; init; }

    /// <summary>
    /// The default if neither the caller nor the model sets it: a <see cref="bool"/>, <see cref="int"/>, <see cref="double"/>,
    /// <see cref="string"/>, or null if the option is off by default.
    /// </summary>
    public object? Default { get; init; }

    /// <summary>The words that a choice accepts, or "true" and "false" for a Boolean; empty for numbers.</summary>
    public IReadOnlyList<string> AllowedValues { get; init; } = [];

    /// <summary>The smallest number that it accepts.</summary>
    public double Minimum { get; init; } = double.NegativeInfinity;

    /// <summary>The largest number that it accepts.</summary>
    public double Maximum { get; init; } = double.PositiveInfinity;

    /// <summary>What it does, in one line.</summary>
    public required string Description { get; init; }

    /// <summary>Whether a model's scheduler_config.json may set it; options for a single run are set by the caller only.</summary>
    internal bool IsConfigurable { get; init; } = true;

    /// <summary>
    /// Whether a word in a model's configuration that only other schedulers accept is replaced by the default, as in diffusers for
    /// the names of solvers.
    /// </summary>
    internal bool IgnoresForeignWords { get; init; }

    /// <summary>The option as text.</summary>
    /// <returns>Its name.</returns>
    public override string ToString() => Name;

    /// <summary>The key for finding an option: its letters and digits alone, so that TimestepSpacing is the same as timestep_spacing.</summary>
    internal static string Key(string name) => name.Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();

    /// <summary>Describes the values that it accepts.</summary>
    internal string Describe() => Kind switch
    {
        SchedulerOptionKind.Boolean => "true or false",
        SchedulerOptionKind.Choice => "one of " + string.Join(", ", AllowedValues),
        SchedulerOptionKind.NumberList => "a list of numbers" + DescribeRange(),
        SchedulerOptionKind.Integer => "a whole number" + DescribeRange(),
        _ => "a number" + DescribeRange(),
    };

    /// <summary>Converts a value to the type of the option.</summary>
    /// <param name="value">A Boolean, a number, a string or a list, as a caller or a JSON file has it, or the text of any of them.</param>
    /// <param name="parsed">The value as a <see cref="bool"/>, <see cref="int"/>, <see cref="double"/>, <see cref="string"/> or an array of <see cref="double"/>.</param>
    /// <returns>Whether the option accepts the value.</returns>
    internal bool TryParse(object value, out object parsed)
    {
        object? result = Kind switch
        {
            SchedulerOptionKind.Boolean => ToBoolean(value),
            SchedulerOptionKind.Choice => ToWord(value),
            SchedulerOptionKind.NumberList => ToNumbers(value),
            SchedulerOptionKind.Integer => ToNumber(value) is double number && double.IsInteger(number) && Math.Abs(number) <= int.MaxValue ? (int)number : null,
            _ => ToNumber(value),
        };
        parsed = result ?? value;
        return result is not null;
    }

    private static object? ToBoolean(object value) => value switch
    {
        bool flag => flag,
        string text when bool.TryParse(text, out bool flag) => flag,
        _ => null,
    };

    private object? ToWord(object value)
    {
        if (value is not string text)
            return null;

        foreach (string allowed in AllowedValues)
        {
            if (string.Equals(allowed, text, StringComparison.OrdinalIgnoreCase))
                return allowed;
        }

        return null;
    }

    private double? ToNumber(object value)
    {
        double? number = value switch
        {
            double d => d,
            float f => f,
            decimal m => (double)m,
            int or long or short or byte or uint or ulong or ushort or sbyte => Convert.ToDouble(value, CultureInfo.InvariantCulture),
            string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double d) => d,
            _ => null,
        };

        // No limit is a default of some options, which models write down.
        bool isNumber = number is double given && (double.IsFinite(given) || given.Equals(Default));
        return isNumber && number >= Minimum && number <= Maximum ? number : null;
    }

    private double[]? ToNumbers(object value)
    {
        IEnumerable? items = value is string text ? text.Split(',') : value as IEnumerable;
        if (items is null)
            return null;

        List<double> numbers = [];
        foreach (object? item in items)
        {
            if (item is null || ToNumber(item) is not double number)
                return null;
            numbers.Add(number);
        }

        return [.. numbers];
    }

    private string DescribeRange() => (double.IsFinite(Minimum), double.IsFinite(Maximum)) switch
    {
        (true, true) => string.Create(CultureInfo.InvariantCulture, $" from {Minimum} to {Maximum}"),
        (true, false) => string.Create(CultureInfo.InvariantCulture, $" of {Minimum} or more"),
        (false, true) => string.Create(CultureInfo.InvariantCulture, $" of {Maximum} or less"),
        _ => "",
    };
}
