namespace HelpGenerator;

/// <summary>What is wrong with the pages, in the form that MSBuild takes for errors of the build.</summary>
internal sealed class Problems
{
    private readonly List<string> _lines = [];

    /// <summary>The messages so far, each with its file and line.</summary>
    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Notes a problem.</summary>
    /// <param name="file">The page.</param>
    /// <param name="line">The line, from 0.</param>
    /// <param name="message">What is wrong, and what would be right.</param>
    public void Add(string file, int line, string message) => _lines.Add($"{file}({line + 1}): error HELP: {message}");

    /// <summary>Writes the problems out.</summary>
    /// <returns>True if there was one.</returns>
    public bool Report(TextWriter writer)
    {
        foreach (string line in _lines)
            writer.WriteLine(line);
        return _lines.Count > 0;
    }
}
