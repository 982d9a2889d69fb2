using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using SdPowerShell.Serialization;
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

    private int _count;
    private bool _isRefused;

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

    /// <summary>Takes what was given for something to merge. Anything else is an error that names it, and nothing is merged: without it, all places of a walk would be others.</summary>
    /// <typeparam name="T">What is merged.</typeparam>
    /// <param name="parameter">The name of its parameter.</param>
    /// <param name="given">What was given.</param>
    /// <param name="items">What can be merged is added here.</param>
    /// <param name="adviceFor">What to do with an object that cannot.</param>
    private protected void Take<T>(string parameter, object?[]? given, List<T> items, Func<object?, string> adviceFor)
        where T : class
    {
        foreach (object? item in given ?? [null])
        {
            Subject = InputRecord.DescribeItem("Object", _count++, prompt: null);
            _isRefused |= !ProcessOne(item, () => items.Add(Read(item)));
        }

        Subject = null;

        T Read(object? item)
        {
            object? value = item is null ? null : SerializedObject.Restore(PSObject.AsPSObject(item)).BaseObject;
            if (value is T usable)
                return usable;
            string kind = value is null ? "null" : $"'{InputRecord.Shorten(LanguagePrimitives.ConvertTo<string>(item))}' of type {PSObject.AsPSObject(item).TypeNames[0].Split('.')[^1]}";
            throw new InvalidSettingException(parameter, $"{parameter} is {kind}. {adviceFor(value)}");
        }
    }

    /// <summary>Merges what was taken, unless there is nothing or an object was refused.</summary>
    /// <typeparam name="T">What is merged.</typeparam>
    /// <param name="items">What was taken.</param>
    /// <param name="merge">Merges it.</param>
    private protected void MergeAll<T>(List<T> items, Action merge)
    {
        if (items.Count > 0 && !_isRefused)
            ProcessOne(items, merge);
    }

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
