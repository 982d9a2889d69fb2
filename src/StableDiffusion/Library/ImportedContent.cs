using StableDiffusion.Building;
using StableDiffusion.Families;
using StableDiffusion.Quantization;
using StableDiffusion.Storage;

namespace StableDiffusion.Library;

/// <summary>Writes an imported model with its manifest, and keeps in mind what was found on the way.</summary>
/// <param name="source">The model.</param>
/// <param name="hashMemory">Where the hashes of files are remembered.</param>
/// <param name="clock">Hears how far the writing has come.</param>
/// <param name="cancellationToken">Stops it.</param>
internal sealed class ImportedContent(IModelSource source, BuildCache hashMemory, ProgressClock clock, CancellationToken cancellationToken)
{
    private readonly Dictionary<string, ModelFile> _files = new(StringComparer.Ordinal);

    /// <summary>What the model takes besides the noise, where its form tells it.</summary>
    public ModelVariant? Variant { get; private set; }

    /// <summary>What is worth telling of the source, in words.</summary>
    public IReadOnlyList<string> Findings { get; private set; } = [];

    /// <summary>Writes it into an empty folder.</summary>
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

    /// <summary>Remembers the hashes of the files in their final place, so that they need not be read again at once.</summary>
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
                clock.Report("Checking what was written", name, done, total);
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
