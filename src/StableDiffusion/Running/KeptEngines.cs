using System.Globalization;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Storage;

namespace StableDiffusion.Running;

/// <summary>
/// The engines that TensorRT builds of graphs, which takes minutes, in the cache of built graphs. TensorRT knows them by the
/// operators of a graph and not by its weights, so each graph with its weights has a folder of its own. It is empty when it is
/// made, and TensorRT fills it while the graph runs.
/// </summary>
/// <remarks>
/// Engines are named after the versions of TensorRT and CUDA and the kind of the card too, so those of others are not read. One
/// that was written in part, since the process ended or another one is writing it, makes the first run fail: then the folder is
/// deleted before the graph is opened again.
/// </remarks>
/// <param name="cacheFolder">The full path of the folder for built graphs.</param>
internal sealed class KeptEngines(string cacheFolder)
{
    // Counts the ways in which graphs are changed in memory before they are opened.
    private const int Version = 1;

    private readonly PreparedFolders _folders = new(cacheFolder);

    /// <summary>Opens a graph, on TensorRT with the folder of its engines. If it cannot be opened with those that are there, it is opened once more with an empty folder.</summary>
    /// <param name="graph">The full path of the <c>.onnx</c> file.</param>
    /// <param name="device">The device.</param>
    /// <param name="changes">What is changed of the graph in memory before it is opened, in words that differ for other changes.</param>
    /// <param name="open">Opens the graph, and disposes the folder with it, or at once if it throws. Its argument is null if no engines are kept.</param>
    /// <param name="progress">Receives a report whose note says why no engines are kept, and what to do.</param>
    /// <param name="cancellationToken">Cancels the reading of files that were not hashed before.</param>
    /// <returns>The opened graph.</returns>
    /// <exception cref="ModelInvalidException">The graph asks for what no part of a model needs, or cannot be opened with an empty folder.</exception>
    public OnnxSession Open(string graph, Device device, string changes, Func<EngineFolder?, OnnxSession> open, Action<ProgressReport> progress, CancellationToken cancellationToken)
    {
        // If there is no graph, opening it says so.
        if (device.Kind != DeviceKind.TensorRt || !File.Exists(graph))
            return open(null);

        CheckedGraph known = GraphCheck.Check(graph);
        FileInfo[] files = [new FileInfo(graph), .. known.WeightFiles.Select(name => new FileInfo(Path.Combine(Path.GetDirectoryName(graph)!, name)))];
        string key = string.Empty;
        if (Find() is not EngineFolder engines)
            return open(null);

        OnnxSession session;
        try
        {
            session = open(engines);
        }
        catch (ModelInvalidException error) when (engines.HasEngines && !OnnxFault.IsMemory(error.InnerException))
        {
            // They are damaged, or of other software.
            engines.MarkFaulty();
            engines.Dispose();
            return open(Find());
        }

        try
        {
            // Other weights may have come in their place meanwhile.
            if (Key() != key)
                engines.MarkFaulty();
            return session;
        }
        catch (Exception error) when (PreparedFolders.IsOfCache(error))
        {
            engines.MarkFaulty();
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }

        EngineFolder? Find()
        {
            try
            {
                long bytes = files.Sum(static file => file.Length);
                if (PreparedFolders.WhyNot(bytes) is string tooLarge)
                    return Without(tooLarge);
                key = Key();
                return Rent(bytes, out string? reason) ?? (reason is null ? Without("its files are in use. It is tried again when the graph is opened again.") : Without(reason));
            }
            catch (Exception error) when (PreparedFolders.IsOfCache(error))
            {
                return Without(_folders.Describe(error));
            }
        }

        EngineFolder? Rent(long bytes, out string? reason)
        {
            reason = null;
            RentedBuild? rented = _folders.Rent(key, cancellationToken);
            if (rented is not null && new EngineFolder(rented.Folder, rented).IsFaulty)
            {
                rented.Dispose();
                _folders.Delete(key);
                rented = _folders.Rent(key, cancellationToken);
            }

            // How much TensorRT will write is not known; about as much as the weights.
            if (rented is null && (reason = _folders.Add(key, bytes, static _ => { }, cancellationToken)) is null)
                rented = _folders.Rent(key, cancellationToken);
            if (rented is null)
                return null;
            EngineFolder folder = new(rented.Folder, rented);
            if (!folder.IsFaulty)
                return folder;
            folder.Dispose();
            reason = "its engines have failed, and another process uses them. Close the model there.";
            return null;
        }

        EngineFolder? Without(string reason)
        {
            progress(ProgressReport.Finished("Opening the graph", graph, TimeSpan.Zero) with { Note = $"TensorRT builds the engines of the graph '{graph}' in each process anew, which takes minutes: {reason}" });
            return null;
        }

        string Key() => _folders.Key(
            graph, files, string.Create(CultureInfo.InvariantCulture, $"TensorRT {Version}\n{OnnxEnvironment.Version}\n{device}\n{changes}"), cancellationToken);
    }
}
