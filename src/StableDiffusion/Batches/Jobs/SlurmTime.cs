using System.Globalization;
using System.Text.RegularExpressions;

namespace StableDiffusion.Batches.Jobs;

/// <summary>A limit of time as Slurm writes it.</summary>
internal static partial class SlurmTime
{
    private const string Setting = "Time";

    /// <summary>Workers are told so long before the limit that it is near.</summary>
    public static readonly TimeSpan Warning = TimeSpan.FromSeconds(120);

    // A worker has to load the model, and to make an image or a part of one.
    private static readonly TimeSpan s_least = TimeSpan.FromMinutes(5);

    /// <summary>Reads a limit: minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes or days-hours:minutes:seconds; .NET's days.hours:minutes:seconds too.</summary>
    /// <param name="text">The limit.</param>
    /// <returns>The limit as days-hours:minutes:seconds.</returns>
    /// <exception cref="InvalidSettingException">It is none of these, or leaves no time for the work.</exception>
    public static string Parse(string text)
    {
        Match match = Pattern().Match(text.Trim());
        if (!match.Success)
            throw new InvalidSettingException(Setting, $"'{text}' is not a limit of time. Give minutes, such as 90, hours:minutes:seconds, such as 01:30:00, or days-hours:minutes:seconds, such as 1-12:00:00.");
        bool hasDays = match.Groups["days"].Success;
        long[] parts = [.. match.Groups["part"].Captures.Select(static part => long.Parse(part.Value, CultureInfo.InvariantCulture))];

        // With days, the first part is hours; without, two parts are minutes and seconds.
        long seconds = (hasDays, parts) switch
        {
            (true, [var hours, ..]) => hours * 3600 + parts.ElementAtOrDefault(1) * 60 + parts.ElementAtOrDefault(2),
            (false, [var minutes]) => minutes * 60,
            (false, [var minutes, var rest]) => minutes * 60 + rest,
            _ => parts[0] * 3600 + parts[1] * 60 + parts[2],
        };
        seconds += hasDays ? long.Parse(match.Groups["days"].Value, CultureInfo.InvariantCulture) * 86400 : 0;
        TimeSpan time = TimeSpan.FromSeconds(seconds);
        return time >= s_least
            ? string.Create(CultureInfo.InvariantCulture, $"{time.Days}-{time:hh\\:mm\\:ss}")
            : throw new InvalidSettingException(Setting, $"'{text}' leaves no time for the work: workers begin to stop {Warning.TotalMinutes} minutes before the limit. Give at least {s_least.TotalMinutes} minutes.");
    }

    [GeneratedRegex(@"^(?:(?<days>\d{1,6})[-.])?(?<part>\d{1,9})(?::(?<part>\d{1,6})){0,2}$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();
}
