using System.Globalization;

namespace StableDiffusion.Prompts;

/// <summary>The <c>when</c> of a scheduled prompt: a share of the steps if written with a decimal point, otherwise a step.</summary>
internal readonly record struct ScheduleTime(double Value, bool IsShare)
{
    /// <summary>Parses a signed decimal number with ASCII digits and white space around it.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ScheduleTime time)
    {
        time = default;
        text = text[..PromptCharacters.TrimmedLength(text)];
        text = text[PromptCharacters.SkipSpace(text, 0)..];

        // Excludes other texts that .NET accepts, such as the names of infinity.
        if (text.ContainsAnyExcept("+-.0123456789eE"))
        {
            return false;
        }

        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        bool isNumber = double.TryParse(text, Style, CultureInfo.InvariantCulture, out double value);
        time = new ScheduleTime(value, text.Contains('.'));
        return isNumber;
    }

    /// <summary>The last step before the change, limited to the number of steps; 0 if there is none.</summary>
    public int LastStep(int steps)
    {
        double step = IsShare ? Value * steps : Value;
        return (int)Math.Clamp(Math.Truncate(step), 0, steps);
    }
}
