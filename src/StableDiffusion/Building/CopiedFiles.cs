using StableDiffusion.Networks.Configs;
using StableDiffusion.Storage;
using StableDiffusion.Text;

namespace StableDiffusion.Building;

/// <summary>
/// Finds the files of a model's folder that are copied unchanged: only those that the engine reads, since a folder from elsewhere
/// may hold anything, and links to anything.
/// </summary>
internal sealed class CopiedFiles
{
    /// <summary>The path of the scheduler's config in a model's folder.</summary>
    public static readonly string Scheduler = Path.Combine("scheduler", "scheduler_config.json");

    private readonly string _root;
    private readonly string[] _homes;

    /// <summary>Initializes it for a folder.</summary>
    /// <param name="root">The full path of the model's folder.</param>
    /// <exception cref="IOException">A link cannot be followed.</exception>
    /// <exception cref="UnauthorizedAccessException">The user may not look into a folder.</exception>
    public CopiedFiles(string root)
    {
        _root = root;

        // The cache of Hugging Face has links in the model's folder; what they lead to is beside what the index is a link to.
        _homes = [RealPath.Of(root), Path.GetDirectoryName(RealPath.Of(Path.Combine(root, PipelineConfig.FileName)))!];
    }

    /// <summary>The files beside the networks, in a fixed order: the index, the scheduler's config, the defaults and the tokenizers.</summary>
    /// <param name="tokenizers">The names of the tokenizers' folders.</param>
    /// <returns>The paths in the model's folder of those that exist.</returns>
    /// <exception cref="ModelInvalidException">One is a link that leads out of the folder.</exception>
    public IEnumerable<string> Common(IEnumerable<string> tokenizers) => Existing(
    [
        PipelineConfig.FileName,
        Scheduler,
        "generation_config.json",
        .. tokenizers.SelectMany(static tokenizer => ClipTokenizerFiles.Names.Select(name => Path.Combine(tokenizer, name))),
    ]);

    /// <summary>Selects the files that exist.</summary>
    /// <param name="names">Their paths in the model's folder.</param>
    /// <exception cref="ModelInvalidException">One is a link that leads out of the folder.</exception>
    public IEnumerable<string> Existing(IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            string path = Path.Combine(_root, name);
            if (!Path.Exists(path))
                continue;
            Check(path);
            yield return name;
        }
    }

    /// <summary>Refuses a file that is not in the model's folder.</summary>
    /// <param name="path">Its full path.</param>
    /// <exception cref="ModelInvalidException">It is a link that leads out of the folder.</exception>
    public void Check(string path)
    {
        string real = RealPath.Of(path);
        if (!_homes.Any(home => RealPath.IsInside(real, home)))
            throw new ModelInvalidException($"The file '{path}' of the model is a link that leads out of the model's folder, and is not copied. If you trust the model, put the file itself there.");
    }
}
