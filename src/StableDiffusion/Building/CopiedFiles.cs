using StableDiffusion.Networks.Configs;
using StableDiffusion.Storage;
using StableDiffusion.Text;

namespace StableDiffusion.Building;

/// <summary>
/// Finds the files of a model's folder that are copied unchanged: only those that the engine reads, since a folder from elsewhere
/// may hold anything, and links to anything.
/// </summary>
/// <param name="root">The full path of the model's folder.</param>
internal sealed class CopiedFiles(string root)
{
    /// <summary>The path of the scheduler's config in a model's folder.</summary>
    public static readonly string Scheduler = Path.Combine("scheduler", "scheduler_config.json");

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
            string path = Path.Combine(root, name);
            if (!Path.Exists(path))
                continue;
            FolderLinks.Check(root, path);
            yield return name;
        }
    }
}
