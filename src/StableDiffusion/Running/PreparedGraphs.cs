using System.Diagnostics;
using System.Globalization;
using StableDiffusion.Networks;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Storage;

namespace StableDiffusion.Running;

/// <summary>
/// Large graphs as ONNX Runtime has optimized them for this processor, in the cache of built graphs. One opens in a tenth of the
/// time, and its weights are mapped from the file, so that they are shared by processes and can leave the memory. The results are
/// the same to the bit.
/// </summary>
/// <param name="cacheFolder">The full path of the folder for built graphs.</param>
/// <param name="smallest">The smallest weights of a graph that is prepared, in bytes; others open at once.</param>
internal sealed class PreparedGraphs(string cacheFolder, long smallest = 256L << 20)
{
    /// <summary>What is reported while a graph is prepared.</summary>
    public const string Activity = "Preparing the model for this processor";

    // Counts the ways in which graphs are prepared.
    private const int Version = 3;

    // Weights in half precision become floats; integers are kept in the file's layout too, beside that of the operators.
    private const int MostGrowth = 2;

    private const string Changed = "its files were replaced while it was prepared. It is tried again when the graph is opened again.";

    private readonly PreparedFolders _folders = new(cacheFolder);

    /// <summary>Opens a graph in its prepared form, which is written at the first time.</summary>
    /// <param name="graph">The full path of the <c>.onnx</c> file.</param>
    /// <param name="reordersLayout">As for <see cref="OnnxSession.Open"/>.</param>
    /// <param name="replaced">Weights to use in place of the file's; they are disposed with the session, and if this throws, but not if it returns null. Null for none.</param>
    /// <param name="progress">Receives a report before and after it is prepared; and one whose note says why not, and what to do, if it should be used in that form and cannot be.</param>
    /// <param name="cancellationToken">Cancels the preparing or opening, within seconds.</param>
    /// <returns>The opened graph, which keeps its files from being deleted; null if it is to be opened as it is: it is small, there is no room or no access, or weights are replaced that the prepared form has rearranged.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The graph asks for what no part of a model needs; or weights are replaced, and its prepared form cannot be opened and was deleted.</exception>
    /// <exception cref="InferenceException">Opening it takes more memory than the limit.</exception>
    public OnnxSession? Open(string graph, bool reordersLayout, ReplacedWeights? replaced, Action<ProgressReport> progress, CancellationToken cancellationToken)
    {
        FileInfo file = new(graph);

        // Where optimizers are left out for the weights, it would be another graph.
        if (replaced?.AllowsReordering == false || !file.Exists || file.Directory!.EnumerateFiles().Sum(static other => other.Length) < smallest)
            return null;

        CheckedGraph known;
        string key;
        RentedBuild? rented;
        try
        {
            known = GraphCheck.Check(graph);
            FileInfo[] weights = [.. known.WeightFiles.Select(name => new FileInfo(Path.Combine(file.DirectoryName!, name)))];
            if (known.WeightBytes < smallest)
                return null;
            if (PreparedFolders.WhyNot(known.WeightBytes * MostGrowth) is string tooLarge)
                return Without(tooLarge);

            key = Key(graph, weights, reordersLayout, cancellationToken);
            rented = _folders.Rent(key, cancellationToken);
            if (rented is null)
            {
                if (Write(key, graph, weights, reordersLayout, progress, cancellationToken) is string reason)
                    return Without(reason);
                rented = _folders.Rent(key, cancellationToken);
            }
        }
        catch (Exception error) when (PreparedFolders.IsOfCache(error))
        {
            return Without(_folders.Describe(error));
        }
        catch
        {
            replaced?.Dispose();
            throw;
        }

        if (rented is null)
            return Without(Changed);
        string optimized = Path.Combine(rented.Folder, ModelParts.Graph);
        try
        {
            if (replaced is not null && !KeptWeights.AreIn(graph, optimized, replaced.Names))
            {
                rented.Dispose();
                return null;
            }

            return OnnxSession.OpenOptimized(optimized, graph, known, rented, replaced, cancellationToken);
        }
        catch (ModelInvalidException)
        {
            // Made by another build of ONNX Runtime of the same version.
            rented.Dispose();
            _folders.Delete(key);
            if (replaced is null)
                return Without("it was made by another build of ONNX Runtime, and was deleted. It is made again when the graph is opened again.");
            replaced.Dispose();
            throw;
        }

        OnnxSession? Without(string reason)
        {
            progress(ProgressReport.Finished(Activity, graph, TimeSpan.Zero) with { Note = $"The graph '{graph}' is opened without its form prepared for this processor, which takes longer each time: {reason}" });
            return null;
        }
    }

    /// <summary>Prepares a graph.</summary>
    /// <returns>Null if its prepared form is there; otherwise why not, and what to do.</returns>
    private string? Write(string key, string graph, FileInfo[] weights, bool reordersLayout, Action<ProgressReport> progress, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        bool begins = false;
        try
        {
            string? reason = _folders.Add(
                key,
                weights.Sum(static file => file.Length) * MostGrowth,
                folder =>
                {
                    begins = true;
                    progress(new ProgressReport(Activity, graph, 0, 1, TimeSpan.Zero) { CountsBytes = false });
                    OnnxSession.WriteOptimized(graph, reordersLayout, Path.Combine(folder, ModelParts.Graph), cancellationToken);
                },
                cancellationToken);

            // The weights may have been replaced meanwhile.
            if (reason is null && Key(graph, weights, reordersLayout, cancellationToken) == key)
                return null;
            _folders.Delete(key);
            return reason ?? Changed;
        }
        catch (Exception error) when (error is ModelInvalidException or InferenceException)
        {
            // If the graph itself is at fault, opening it says so.
            return $"preparing it failed. {error.Message}";
        }
        finally
        {
            if (begins)
                progress(ProgressReport.Finished(Activity, graph, Stopwatch.GetElapsedTime(start)));
        }
    }

    /// <summary>What the optimized graph depends on.</summary>
    private string Key(string graph, FileInfo[] weights, bool reordersLayout, CancellationToken cancellationToken) => _folders.Key(
        graph, weights.Prepend(new FileInfo(graph)), string.Create(CultureInfo.InvariantCulture, $"{Version}\n{OnnxEnvironment.Version}\n{Processor.Features}\n{reordersLayout}"), cancellationToken);
}
