using StableDiffusion;
using StableDiffusion.Batches.Jobs;

namespace SdPowerShell.Scripts.Jobs;

/// <summary>What a job asks Slurm for.</summary>
internal sealed record SlurmOptions
{
    /// <summary>The partition; null for the default one.</summary>
    public string? Partition { get; init; }

    /// <summary>The limit of time of a task; null for that of the partition.</summary>
    public string? Time { get; init; }

    /// <summary>The memory of a task; null for the default.</summary>
    public string? Memory { get; init; }

    /// <summary>The graphics cards of a task; null for none.</summary>
    public string? Gpus { get; init; }

    /// <summary>The processor cores of a task; null for the default.</summary>
    public int? CpusPerTask { get; init; }

    /// <summary>The account; null for the default one.</summary>
    public string? Account { get; init; }

    /// <summary>The quality of service; null for the default one.</summary>
    public string? Qos { get; init; }

    /// <summary>Other arguments of sbatch.</summary>
    public IReadOnlyList<string> Others { get; init; } = [];

    /// <summary>The lines of a job script that say so.</summary>
    /// <param name="name">The name of the job.</param>
    /// <param name="arraySize">How many tasks it has.</param>
    /// <exception cref="InvalidSettingException">A value is not one line of text, or the time is no limit of time.</exception>
    public IEnumerable<string> Lines(string name, int arraySize)
    {
        yield return Line("Name", "job-name", name);
        yield return $"#SBATCH --array=1-{arraySize}";
        yield return "#SBATCH --requeue --open-mode=append --output=logs/%a.log";
        yield return $"#SBATCH --signal=B:USR1@{SlurmTime.Warning.TotalSeconds}";
        foreach ((string setting, string option, string? value) in ((string, string, string?)[])
        [
            (nameof(Partition), "partition", Partition), (nameof(Time), "time", Time is null ? null : SlurmTime.Parse(Time)), (nameof(Memory), "mem", Memory), (nameof(Gpus), "gpus", Gpus),
            (nameof(CpusPerTask), "cpus-per-task", CpusPerTask?.ToString(System.Globalization.CultureInfo.InvariantCulture)), (nameof(Account), "account", Account), (nameof(Qos), "qos", Qos),
        ])
        {
            if (value is not null)
                yield return Line(setting, option, value);
        }

        if (Others.Count == 0)
            yield break;
        foreach (string other in Others)
            Check("SbatchArgument", other);
        if (!Others[0].StartsWith('-'))
            throw new InvalidSettingException("SbatchArgument", $"'{Others[0]}' is not an option of sbatch. Give options as they are in its manual, such as '--constraint=a100'.");
        yield return $"#SBATCH {string.Join(' ', Others.Select(ShellText.Sbatch))}";
    }

    private static string Line(string setting, string option, string value)
    {
        Check(setting, value);
        return $"#SBATCH --{option}={ShellText.Sbatch(value)}";
    }

    // A line break would begin a line of the script.
    private static void Check(string setting, string value)
    {
        if (string.IsNullOrWhiteSpace(value) || value.Any(static character => char.IsControl(character) || char.GetUnicodeCategory(character) is System.Globalization.UnicodeCategory.LineSeparator or System.Globalization.UnicodeCategory.ParagraphSeparator))
            throw new InvalidSettingException(setting, $"'{value}' of {setting} is empty, or has line breaks or other control characters. Give a text in one line.");
    }
}
