using System.Xml.Linq;

namespace HelpGenerator;

/// <summary>Makes all help files of one assembly of cmdlets.</summary>
internal static class HelpFiles
{
    private const string AboutPrefix = "about_";
    private const string MainTopic = "about_StableDiffusion";
    private const string ReadMe = "README.md";

    /// <summary>Checks the pages against the cmdlets and writes the help files, or none if there is a problem.</summary>
    /// <param name="assembly">The full path of the assembly.</param>
    /// <param name="pages">The folder of the pages: one for each cmdlet, those named about_*, and the texts that they share.</param>
    /// <param name="output">The folder that the help files are written to.</param>
    /// <param name="problems">Receives what is wrong with the pages.</param>
    public static void Write(string assembly, string pages, string output, Problems problems)
    {
        IReadOnlyList<CmdletSurface> cmdlets = CmdletSurface.Read(assembly);
        Dictionary<string, string> cmdletPages = new(StringComparer.OrdinalIgnoreCase);
        List<string> topicPages = [];
        foreach (string file in Directory.EnumerateFiles(pages, "*.md").Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileNameWithoutExtension(file);
            if (name.StartsWith(AboutPrefix, StringComparison.Ordinal))
                topicPages.Add(file);
            else if (Path.GetFileName(file) != ReadMe)
                cmdletPages.Add(name, file);
        }

        SharedTexts shared = SharedTexts.Read(pages, problems);
        List<CmdletPage> readPages = [];
        ExampleCheck examples = new(cmdlets);
        ColumnLists columns = new();
        List<XElement> commands = [];
        foreach (CmdletSurface cmdlet in cmdlets)
        {
            if (!cmdletPages.Remove(cmdlet.Name, out string? file))
            {
                problems.Add(Path.Combine(pages, cmdlet.Name + ".md"), 0, $"The cmdlet {cmdlet.Name} has no page.");
                continue;
            }

            CmdletPage page = CmdletPage.Read(file, shared, problems);
            readPages.Add(page);
            page.Complete(cmdlet, shared);
            page.Check(cmdlet, problems);
            examples.Check(page, problems);
            commands.Add(MamlWriter.Write(cmdlet, page));
            columns.Add(cmdlet, page);
        }

        shared.Check(readPages, problems);
        foreach ((string name, string file) in cmdletPages)
            problems.Add(file, 0, $"There is no cmdlet {name}.");

        AboutTopic[] topics = [.. topicPages.Select(file => AboutTopic.Read(file, columns, problems))];
        if (topics.FirstOrDefault(topic => topic.Name == MainTopic) is { } main)
            main.CheckCmdlets(cmdlets.Select(cmdlet => cmdlet.Name), problems);

        if (problems.Lines.Count > 0)
            return;

        Directory.CreateDirectory(output);
        MamlWriter.Save(commands, Path.Combine(output, Path.GetFileName(assembly) + "-Help.xml"));
        foreach (AboutTopic topic in topics)
            File.WriteAllText(Path.Combine(output, topic.Name + ".help.txt"), topic.Text);
    }
}
