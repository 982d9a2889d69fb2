using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Noise;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Merging;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that merge what the pipeline brings: one place between, or a walk through all of it.</summary>
public abstract class MergeCmdlet : DiffusionCmdlet
{
    private protected const string RatioSet = "Ratio";
    private const string CountSet = "Count";
    private const double Middle = 0.5;
    private const int FewestPlaces = 2;

    // A walk of an hour, at 25 images a second.
    private const int MostPlaces = 100_000;

    /// <summary>How far between the first and the last, 0 to 1; several make several.</summary>
    [Parameter(ParameterSetName = RatioSet)]
    [Number<double>(IsList = true)]
    public Number<double>[]? Ratio { get; set; }

    /// <summary>The number of places of a walk from the first to the last, both included.</summary>
    [Parameter(Mandatory = true, ParameterSetName = CountSet)]
    [Number<int>]
    public Number<int>? Count { get; set; }

    /// <summary>How the values between are found: Linear or Spherical.</summary>
    [Parameter(ParameterSetName = RatioSet)]
    [Parameter(ParameterSetName = CountSet)]
    [ArgumentCompleter(typeof(EnumCompleter<InterpolationMode>))]
    public string? Mode { get; set; }

    /// <summary>The mode, the usual one of an operation by default.</summary>
    /// <param name="operation">The operation, of <see cref="StageOperation"/>.</param>
    private protected InterpolationMode ModeOf(string operation) => EnumSetting.Parse(nameof(Mode), Mode, MergeStage.UsualMode(operation));

    /// <summary>Merges neighbors on the path through all that was given, and writes what was asked for.</summary>
    /// <typeparam name="T">What is merged.</typeparam>
    /// <param name="parameter">The name of its parameter, which is also a noun for it.</param>
    /// <param name="items">All that was given, one or more.</param>
    /// <param name="merge">Merges two of it by a ratio.</param>
    private protected void WriteMerged<T>(string parameter, IReadOnlyList<T> items, Func<T, T, double, T> merge)
        where T : class
    {
        string noun = parameter.ToLowerInvariant();
        if (items.Count < 2)
            throw new InvalidSettingException(parameter, $"There is only one {noun}, and nothing to merge it with. Give two or more.");
        foreach ((int index, double ratio) in Places(items.Count, noun))
        {
            CancellationToken.ThrowIfCancellationRequested();
            WriteObject(merge(items[index], items[index + 1], ratio));
        }
    }

    private IEnumerable<(int Index, double Ratio)> Places(int points, string noun)
    {
        if (Number.Read(Count) is int count)
        {
            Setting.CheckRange(nameof(Count), count, FewestPlaces, MostPlaces);
            return Interpolation.Walk(count, points);
        }

        double[]? ratios = Number.Read(Ratio);
        if (ratios is null && points > 2)
            throw new InvalidSettingException(nameof(Ratio), $"There are {points} {noun}s. Say with Ratio how far to go on the path through them, or with Count how many places of it to make.");
        ratios ??= [Middle];
        foreach (double ratio in ratios)
            Setting.CheckRange(nameof(Ratio), ratio, 0, 1);
        return ratios.Select(ratio => Interpolation.PlaceOf(ratio, points));
    }
}
