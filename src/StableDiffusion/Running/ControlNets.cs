using System.Diagnostics;
using StableDiffusion.Building;
using StableDiffusion.Denoising;
using StableDiffusion.Networks;
using StableDiffusion.Storage;

namespace StableDiffusion.Running;

/// <summary>The ControlNets of a model. They stay open as its U-Net does. Thread-safe.</summary>
/// <param name="model">The model.</param>
internal sealed class ControlNets(DiffusionModel model) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly Dictionary<string, ControlNet> _opened = new(StringComparer.Ordinal);

    /// <summary>Finds a ControlNet whose files are all there; they are not read.</summary>
    /// <param name="nameOrPath">As for <see cref="Open"/>.</param>
    /// <returns>Its name, which is its path if it was given as a path, and its files.</returns>
    /// <inheritdoc cref="Open"/>
    public (string Name, ControlNetSource Source) Find(string nameOrPath)
    {
        (string name, string path) = model.LocateControlNet(nameOrPath);
        try
        {
            ControlNetSource source = new(path);
            foreach ((_, string file) in source.Inputs)
            {
                if (!File.Exists(file))
                    throw new ModelNotFoundException($"There is no file '{file}'.");
            }

            return (name, source);
        }
        catch (ModelNotFoundException error)
        {
            throw Incomplete(name, error);
        }
    }

    /// <summary>The name of a ControlNet and the first digits of the SHA-256 of its weights, without opening it.</summary>
    /// <param name="nameOrPath">As for <see cref="Open"/>.</param>
    /// <param name="cancellationToken">Cancels the reading of files that were not hashed before.</param>
    /// <inheritdoc cref="Open"/>
    public (string Name, string Hash) Identify(string nameOrPath, CancellationToken cancellationToken)
    {
        (string name, ControlNetSource source) = Find(nameOrPath);
        return (name, model.Graphs.Identify(source, cancellationToken));
    }

    /// <summary>A ControlNet, opened on first use.</summary>
    /// <param name="nameOrPath">Its name, if the model was opened with a store of ControlNets, or the path of its folder or file.</param>
    /// <param name="progress">Receives the progress of opening; may be null.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <returns>The ControlNet; it belongs to the model.</returns>
    /// <exception cref="ControlNetNotFoundException">The ControlNet does not exist, or a file of it is missing.</exception>
    /// <exception cref="ModelInvalidException">A file of it is damaged, or is not a ControlNet.</exception>
    public ControlNet Open(string nameOrPath, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(nameOrPath);
        (string name, ControlNetSource source) = Find(nameOrPath);
        _gate.Wait(cancellationToken);
        try
        {
            if (_opened.TryGetValue(source.Path, out ControlNet? opened))
                return opened;

            using RentedBuild graphs = model.Graphs.Build(source, name, progress, cancellationToken);
            string hash = model.Graphs.Identify(source, cancellationToken);
            long start = Stopwatch.GetTimestamp();
            ControlNet made = new(model.Sessions.Open(Path.Combine(graphs.Folder, ModelParts.ControlNet, ModelParts.Graph), progress, cancellationToken: cancellationToken), name, hash);
            progress?.Invoke(ProgressReport.Finished("Opening the ControlNet", name, Stopwatch.GetElapsedTime(start)));
            _opened.Add(source.Path, made);
            return made;
        }
        catch (ModelNotFoundException error)
        {
            throw Incomplete(name, error);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Forgets those that are open, and returns them to be disposed.</summary>
    public IReadOnlyList<IDisposable> TakeAll()
    {
        _gate.Wait();
        try
        {
            IDisposable[] all = [.. _opened.Values];
            _opened.Clear();
            return all;
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose()
    {
        foreach (IDisposable opened in TakeAll())
            opened.Dispose();
        _gate.Dispose();
    }

    // Another ControlNet may be complete: the model is not what is missing.
    private static ControlNetNotFoundException Incomplete(string name, ModelNotFoundException error) =>
        new($"'{ModelFilePath.Printable(name)}' is not a ControlNet, or not a complete one. {Sentence.Of(error)} Get all files of the ControlNet, or give another one.", error);
}
