using StableDiffusion.Building;
using StableDiffusion.Families;
using StableDiffusion.Quantization;
using StableDiffusion.Running;
using StableDiffusion.Storage;

namespace StableDiffusion.Library;

/// <summary>Writes an imported model with its manifest, tests it, and collects the findings.</summary>
/// <param name="source">The model.</param>
/// <param name="isTested">Whether the model is tested with an image of one step.</param>
/// <param name="hashMemory">The cache of file hashes.</param>
/// <param name="clock">Receives the progress.</param>
/// <param name="cancellationToken">Cancels it.</param>
internal sealed class ImportedContent(IModelSource source, bool isTested, BuildCache hashMemory, ProgressClock clock, CancellationToken cancellationToken)
{
    private readonly Dictionary<string, ModelFile> _files = new(StringComparer.Ordinal);

    /// <summary>The full path of the source.</summary>
    public string SourcePath => source.Path;

    /// <summary>The variant of the model; null if unknown.</summary>
    public ModelVariant? Variant { get; private set; }

    /// <summary>The findings about the source, in words.</summary>
    public IReadOnlyList<string> Findings { get; private set; } = [];

    /// <summary>Writes the model to an empty folder.</summary>
    /// <param name="folder">The folder's full path.</param>
    public void Write(string folder)
    {
        using (ModelContents contents = source.Open())
        {
            Variant = contents.Variant;
            Findings = [.. contents.Findings.Select(finding => finding.Text)];
            ModelBuilder.Write(contents, source, folder, clock, cancellationToken, IntegerUNet.Write);
        }

        // Before the model has its place: what cannot be listed or used is not kept.
        ModelInfo model = ModelReader.Read(source.Path, folder);
        Check(model);
        if (isTested)
            Test(model, clock, cancellationToken, preparedFolder: hashMemory.Root);
        WriteManifest(folder);
    }

    /// <summary>Tests a model that is about to be kept.</summary>
    /// <param name="model">The model in a temporary folder, with the path of its source as the name, which messages have instead.</param>
    /// <param name="clock">Receives the progress.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <param name="cacheFolder">The full path of the folder for built graphs; null if the model consists of graphs.</param>
    /// <param name="preparedFolder">The full path of the folder for graphs that are prepared for this processor; null for the folder for built graphs.</param>
    /// <exception cref="ModelInvalidException">A part of the model cannot be opened or run.</exception>
    /// <exception cref="DeviceUnavailableException">The device cannot be used.</exception>
    public static void Test(ModelInfo model, ProgressClock clock, CancellationToken cancellationToken, string? cacheFolder = null, string? preparedFolder = null)
    {
        const string Activity = "Testing the model";
        clock.Report(Activity, model.Name, 0, 1, countsBytes: false);
        try
        {
            ModelVerifier.MakeImage(model, cacheFolder, preparedFolder, cancellationToken);
        }
        catch (DiffusionException error) when (error is not (DeviceUnavailableException or OutputWriteException))
        {
            throw NotKept(model, error, Remedy.SkipTest);
        }

        clock.Report(Activity, model.Name, 1, 1, countsBytes: false);
    }

    /// <summary>Checks what can be seen of the model without running it.</summary>
    private void Check(ModelInfo model)
    {
        try
        {
            ModelVerifier.CheckFiles(model, hashMemory);
        }
        catch (DiffusionException error) when (error is ModelInvalidException or ModelNotFoundException or InvalidSettingException)
        {
            throw NotKept(model, error, Remedy.None);
        }
    }

    private static ModelInvalidException NotKept(ModelInfo model, DiffusionException error, Remedy remedy) =>
        new($"The model in '{model.Name}' does not work, and was not kept: {error.Message.Replace(model.Path, model.Name, StringComparison.Ordinal)}", error) { Remedy = remedy };

    /// <summary>Caches the hashes of the files in their final place, so that they need not be read again.</summary>
    /// <param name="folder">The folder's full path.</param>
    public void NoteHashes(string folder)
    {
        if (_files.Count == 0)
            return;

        FileHashes hashes = FileHashes.Open(hashMemory.HashFolder, folder);
        foreach ((string name, ModelFile file) in _files)
            hashes.Note(Path.Combine(folder, name), file.Sha256);
        hashes.Save();
    }

    private void WriteManifest(string folder)
    {
        string[] paths = Directory.GetFiles(folder, "*", SearchOption.AllDirectories);
        long total = paths.Sum(static path => new FileInfo(path).Length);
        long done = 0;
        FileHashes hashes = FileHashes.Open(hashMemory.HashFolder, folder);
        foreach (string path in paths)
        {
            string name = Path.GetRelativePath(folder, path).Replace('\\', '/');
            string hash = hashes.Get(path, Report, cancellationToken);
            _files.Add(name, new ModelFile(new FileInfo(path).Length, hash));

            void Report(long bytes)
            {
                done += bytes;
                clock.Report("Verifying the written files", name, done, total);
            }
        }

        string sourceHash = FileHashes.Open(hashMemory.HashFolder, source.Path).Get(source.NamingFile, static _ => { }, cancellationToken);
        ModelManifest manifest = new()
        {
            Source = new ModelSource { Kind = ModelSource.Import, Id = Path.GetFileName(source.Path), Revision = sourceHash },
            Files = _files,
            IsTested = isTested,
        };
        manifest.Write(folder);
    }
}
