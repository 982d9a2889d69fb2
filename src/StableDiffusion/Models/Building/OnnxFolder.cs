namespace StableDiffusion.Models.Building;

/// <summary>A folder of graphs that another exporter wrote: it is taken over file by file as it is.</summary>
internal sealed class OnnxFolder : IModelSource
{
    private readonly string[] _files;

    public OnnxFolder(string path)
    {
        Path = path;
        _files = [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Where(file => !IsHidden(file)).Order(StringComparer.Ordinal)];
    }

    public string Path { get; }

    public string Options => "as it is\n";

    public string NamingFile => System.IO.Path.Combine(Path, ModelParts.UNet, ModelParts.Graph);

    public IReadOnlyList<(string Name, string Path)> Inputs => [.. _files.Select(file => (System.IO.Path.GetRelativePath(Path, file).Replace('\\', '/'), file))];

    public ModelContents Open() => new([], [], []) { CopiedFrom = this };

    private bool IsHidden(string file) => System.IO.Path.GetRelativePath(Path, file).Split(System.IO.Path.DirectorySeparatorChar).Any(static part => part.StartsWith('.'));
}
