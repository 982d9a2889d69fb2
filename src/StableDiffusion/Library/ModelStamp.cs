using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;

namespace StableDiffusion.Library;

/// <summary>
/// Tells whether the files of a model are still those that it was opened from, by their names, lengths and times. That takes a
/// fraction of a millisecond.
/// </summary>
internal static class ModelStamp
{
    // A part of a model has a few dozen files at most.
    private const int MostFiles = 200;

    private static readonly string[] s_folders =
    [
        "scheduler", ModelParts.Vae, ModelParts.VaeDecoder, ModelParts.VaeEncoder, .. ModelFamily.AllBackbones,
        .. ModelFamily.AllEncoderSuffixes.SelectMany(static suffix => (string[])[ModelParts.TextEncoder + suffix, ModelParts.Tokenizer + suffix]),
    ];

    /// <summary>The stamp of a model's files as they are now.</summary>
    /// <param name="path">The full path of the model's folder or single file.</param>
    /// <returns>A number that is another one if a file has changed.</returns>
    public static int Of(string path)
    {
        HashCode stamp = default;
        try
        {
            Add(ref stamp, new FileInfo(path));
            if (!File.Exists(path))
            {
                Add(ref stamp, new FileInfo(Path.Combine(path, PipelineConfig.FileName)));
                foreach (string name in s_folders)
                {
                    DirectoryInfo folder = new(Path.Combine(path, name));
                    if (!folder.Exists)
                        continue;
                    foreach (FileInfo file in folder.EnumerateFiles().Take(MostFiles).OrderBy(static file => file.Name, StringComparer.Ordinal))
                        Add(ref stamp, file);
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What opens the model says what is wrong.
            stamp.Add(error.GetType());
        }

        return stamp.ToHashCode();
    }

    private static void Add(ref HashCode stamp, FileInfo file)
    {
        if (!file.Exists)
            return;
        stamp.Add(file.Name, StringComparer.Ordinal);
        stamp.Add(file.Length);
        stamp.Add(file.LastWriteTimeUtc);
    }
}
