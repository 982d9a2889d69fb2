using System.Diagnostics;
using System.Globalization;
using StableDiffusion.Adapters;
using StableDiffusion.Networks;
using StableDiffusion.Storage;

namespace StableDiffusion.Running;

/// <summary>
/// The graphs of a part with the changes of adapters, as files in the cache of built graphs: for graphics cards, which take weights
/// from files alone, and for weights in integers, which are quantized again.
/// </summary>
/// <param name="cacheFolder">The full path of the folder for built graphs.</param>
internal sealed class AdaptedGraphs(string cacheFolder)
{
    /// <summary>What is reported while graphs are written.</summary>
    public const string Activity = "Applying the LoRAs to the model's files";

    // Counts the ways in which weights are changed.
    private const int Version = 1;

    private readonly PreparedFolders _folders = new(cacheFolder);

    /// <summary>The folder of a part's changed graphs, which are written at the first time.</summary>
    /// <param name="folder">The full path of the part's own folder.</param>
    /// <param name="plan">The changes.</param>
    /// <param name="adapters">The adapters of the plan.</param>
    /// <param name="progress">Receives a report before and after they are written.</param>
    /// <param name="cancellationToken">Cancels the writing; nothing remains.</param>
    /// <returns>The folder; dispose it after the last use.</returns>
    /// <exception cref="OutputWriteException">There is no room for the files, or the cache cannot be written to.</exception>
    /// <exception cref="AdapterInvalidException">An adapter is damaged.</exception>
    /// <exception cref="ModelInvalidException">The graphs are damaged.</exception>
    public RentedBuild Rent(string folder, AdapterPlan plan, AdapterSet adapters, Action<ProgressReport> progress, CancellationToken cancellationToken)
    {
        string part = Path.GetFileName(folder);
        FileInfo[] files = [.. new DirectoryInfo(folder).EnumerateFiles().Where(static file => file.Name != ModelParts.Config).OrderBy(static file => file.Name, StringComparer.Ordinal)];
        string key = Key();
        if (_folders.Rent(key, cancellationToken) is RentedBuild known)
            return known;

        long start = Stopwatch.GetTimestamp(), length = files.Sum(static file => file.Length);
        progress(new ProgressReport(Activity, part, 0, 1, TimeSpan.Zero) { CountsBytes = false });
        string? reason;
        try
        {
            reason = _folders.Add(key, length, target => plan.Write(part, target, cancellationToken), cancellationToken, isRequired: true);
            if (reason is null && Key() == key && _folders.Rent(key, cancellationToken) is RentedBuild written)
                return written;
        }
        finally
        {
            progress(ProgressReport.Finished(Activity, part, Stopwatch.GetElapsedTime(start)));
        }

        throw new OutputWriteException($"The model's weights with the LoRAs {adapters} cannot be kept in '{cacheFolder}': {reason ?? "the files of the model or of the LoRAs were replaced meanwhile. Try again."} Or omit the LoRAs.");

        string Key() => _folders.Key(
            Path.Combine(folder, ModelParts.Graph),
            [.. files, .. adapters.Loras.Select(static lora => new FileInfo(lora.Path)).SelectMany(static file => (FileInfo[])[file, AdapterFiles.ConfigBeside(file)]).Where(static file => file.Exists)],
            string.Create(CultureInfo.InvariantCulture, $"LoRA {Version}\n{string.Join('\n', adapters.Loras.Select(static lora => string.Create(CultureInfo.InvariantCulture, $"{lora.Strength:R} {lora.TextEncoderStrength:R} {lora.BlockWeights}")))}"),
            cancellationToken);
    }
}
