using StableDiffusion.Building;
using StableDiffusion.Families;
using StableDiffusion.Quantization;
using StableDiffusion.Storage;

namespace StableDiffusion.Library;

/// <summary>Writes an imported model with its manifest, and collects the findings.</summary>
/// <param name="source">The model.</param>
/// <param name="hashMemory">The cache of file hashes.</param>
/// <param name="clock">Receives the progress.</param>
/// <param name="cancellationToken">Cancels it.</param>
internal sealed class ImportedContent(IModelSource source, BuildCache hashMemory, ProgressClock clock, CancellationToken cancellationToken)
{
    private readonly Dictionary<string, ModelFile> _files = new(StringComparer.Ordinal);

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
            if (contents.Networks.Count > 0)
                ModelBuilder.Write(contents, source, folder, clock, cancellationToken, IntegerUNet.Write);
            else
                contents.CopyTo(folder, clock, cancellationToken);
        }

        WriteManifest(folder);
    }

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
        };
        manifest.Write(folder);
    }
}
