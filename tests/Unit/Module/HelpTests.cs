using System.Collections;
using System.Management.Automation;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using System.Xml.XPath;

namespace StableDiffusion.Tests.Module;

/// <summary>What Get-Help shows, and what the build refuses to make help of.</summary>
public sealed class HelpTests(SharedShell shell)
{
    [Fact]
    public void Each_cmdlet_has_a_synopsis_a_description_examples_and_a_text_for_each_parameter()
    {
        using ModuleShell module = new();
        IReadOnlyList<PSObject> cmdlets = module.Invoke("Get-Command -Module StableDiffusion").Output;
        Assert.NotEmpty(cmdlets);

        foreach (CmdletInfo cmdlet in cmdlets.Select(item => (CmdletInfo)item.BaseObject))
        {
            PSObject help = Assert.Single(module.Invoke($"Get-Help {cmdlet.Name} -Full").Output);
            Assert.NotEmpty(Text(help, "Synopsis"));
            Assert.NotEmpty(Text(help, "description"));
            Assert.NotEmpty(Items(Property(help, "examples"), "example"));

            // Without a help file PowerShell makes one up of the syntax, where parameters have no description.
            Dictionary<string, string> texts = Items(Property(help, "parameters"), "parameter")
                .ToDictionary(parameter => Text(parameter, "name"), parameter => Text(parameter, "description"));
            IEnumerable<string> own = cmdlet.Parameters.Values
                .Where(parameter => !parameter.Attributes.OfType<ParameterAttribute>().Any(attribute => attribute.DontShow))
                .Select(parameter => parameter.Name)
                .Except(Cmdlet.CommonParameters);
            Assert.Equal(own.Order(), texts.Keys.Order());
            Assert.All(texts, text => Assert.NotEmpty(text.Value));
        }
    }

    [Fact]
    public async Task Get_Help_shows_examples_and_parameters_and_topics()
    {
        ShellProcess.Result result = await shell.Run("""
            Get-Help Get-DiffusionDevice -Examples | Out-Host
            Get-Help Get-DiffusionDevice -Parameter Name | Out-Host
            Get-Help about_StableDiffusion
            """);

        Assert.Equal(string.Empty, result.Errors);
        Assert.Contains("    (Get-DiffusionDevice Cuda).Note", result.Lines);
        Assert.Contains("-Name <String[]>", result.Lines);
        Assert.Contains("    Accept wildcard characters?  true", result.Lines);
        Assert.Contains("    about_StableDiffusion", result.Lines);
    }

    [Fact]
    public async Task A_page_that_does_not_fit_its_cmdlet_fails_the_build()
    {
        using Pages pages = new();
        pages.Change("Get-DiffusionDevice.md", "^### -Name$", "### -Nome");
        pages.Change("Get-DiffusionDevice.md", "(?<=^```powershell\nGet-DiffusionDevice)", " -Foo");
        pages.Change("Get-DiffusionDevice.md", "^## RELATED LINKS$", "## SYNTAX");
        pages.Change("Get-DiffusionDevice.md", @"(?<=^### -Available\n)[^#]*", "\n");
        pages.Add("Get-Nothing.md", "# Get-Nothing\n");
        string errors = await FailToGenerate(pages);
        string[] problems = Messages(errors);
        Assert.Contains("PARAMETERS lacks '### -Name'.", problems);
        Assert.Contains("PARAMETERS has '-Nome', which the cmdlet has not, or not twice.", problems);
        Assert.Contains("'-Available' is not described.", problems);
        Assert.Contains("Get-DiffusionDevice has no parameter 'Foo'.", problems);
        Assert.Contains(problems, problem => problem.StartsWith("There is no section 'SYNTAX'.", StringComparison.Ordinal));
        Assert.Contains("There is no cmdlet Get-Nothing.", problems);
        Assert.Equal(6, problems.Length);
    }

    [Fact]
    public async Task A_cmdlet_without_a_page_fails_the_build()
    {
        using Pages pages = new();
        pages.Remove("Get-DiffusionDevice.md");
        ShellProcess.Result result = await pages.Generate();

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("The cmdlet Get-DiffusionDevice has no page.", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_of_cmdlets_that_lacks_one_or_has_one_too_many_fails_the_build()
    {
        using Pages pages = new();
        pages.Change("about_StableDiffusion.md", @"^\| Join-DiffusionImage ", "| Join-Nothing ");
        pages.Add("about_Probe.md", "# about_Probe\n\n## Short description\n\nA probe.\n\n<!-- columns: Get-Nothing -->\n");
        string errors = await FailToGenerate(pages);
        Assert.Contains("The table has 'Join-Nothing', which is no cmdlet, or is there twice.", errors, StringComparison.Ordinal);
        Assert.Contains("The table of cmdlets lacks Join-DiffusionImage.", errors, StringComparison.Ordinal);
        Assert.Contains("There is no cmdlet Get-Nothing to list the columns of.", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_topic_about_batches_lists_each_parameter_that_a_column_binds_to()
    {
        using Pages pages = new();
        ShellProcess.Result result = await pages.Generate();
        Assert.Equal(string.Empty, result.Errors);

        using ModuleShell module = new();
        CmdletInfo cmdlet = (CmdletInfo)Assert.Single(module.Invoke("Get-Command New-DiffusionImage").Output).BaseObject;
        IEnumerable<string> columns = cmdlet.Parameters.Values
            .Where(parameter => parameter.Attributes.OfType<ParameterAttribute>().Any(attribute => attribute.ValueFromPipelineByPropertyName))
            .Select(parameter => parameter.Name);
        string[] listed = [.. Regex.Matches(pages.Read("about_StableDiffusion_Batches.help.txt"), @"^    - (\w+)(?: \(or: [^)]+\))?: ", RegexOptions.Multiline).Select(match => match.Groups[1].Value)];
        string[] first = ["Prompt", "NegativePrompt", "Seed", "Steps", "GuidanceScale", "Scheduler", "Width", "Height", "Count", "OutFile", "OutDirectory", "InitImage", "Strength", "Model"];
        Assert.Equal([.. first, .. columns.Except(first).Order(StringComparer.Ordinal)], listed);
    }

    [Fact]
    public async Task A_topic_that_lists_an_unknown_column_first_fails_the_build()
    {
        using Pages pages = new();
        pages.Change("about_StableDiffusion_Batches.md", "(?<=; first: )Prompt,", "Prompt, Promt,");
        Assert.EndsWith("New-DiffusionImage has no column Promt to list first.", await FailToGenerate(pages), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Examples_that_are_not_numbered_in_their_order_fail_the_build()
    {
        using Pages pages = new();
        pages.Change("Get-DiffusionDevice.md", "^### Example 2: ", "### Example 3: ");
        Assert.EndsWith("The title of this example must begin with 'Example 2: '.", await FailToGenerate(pages), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lines_that_are_wider_than_a_terminal_fail_the_build()
    {
        using Pages pages = new();
        string fits = new('x', 71);
        pages.Change("Get-DiffusionDevice.md", "(?<=^```powershell\n)", $"#{fits}xxxx\n#{fits}xxxxx\n");
        pages.Add("about_Probe.md", $"# about_Probe\n\n## Short description\n\nA probe.\n\n```\n{fits}x\n{fits}xx\n```\n\n| {fits}xxxxxx |\n|---|\n| 1 |\n");
        string errors = await FailToGenerate(pages);
        Assert.Collection(
            errors.Split('\n'),
            line => Assert.EndsWith("This line has 77 columns. Break it: a terminal has room for 76.", line, StringComparison.Ordinal),
            line => Assert.EndsWith($"This line has 81 columns in the help, where a terminal has 80: '{fits}xx'.", line, StringComparison.Ordinal),
            line => Assert.EndsWith($"This line has 81 columns in the help, where a terminal has 80: '{fits}xxxxxx'.", line, StringComparison.Ordinal),
            line => Assert.EndsWith($"This line has 81 columns in the help, where a terminal has 80: '{new string('-', 77)}'.", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_topic_becomes_plain_text_of_eighty_columns()
    {
        using Pages pages = new();
        pages.Add("about_Probe.md", """
            # about_Probe

            ## Short description

            A topic for *this* test.

            ## Long description

            Words that go on `until` they are longer than a line of a terminal, so that the text has to be broken.

            ### Details

            - One item, which is as long as it takes to be broken as well, and then some more words.
            - Another, with a [page](Get-DiffusionDevice.md) and a [site](https://example.org/).

            | Name | Value |
            | ---- | ----- |
            | longer | 1 |

            ```powershell
            Get-DiffusionDevice |
                Where-Object Name
            ```
            """);
        ShellProcess.Result result = await pages.Generate();

        Assert.Equal(string.Empty, result.Errors);
        Assert.Equal(
            """
            TOPIC
                about_Probe

            SHORT DESCRIPTION
                A topic for this test.

            LONG DESCRIPTION
                Words that go on until they are longer than a line of a terminal, so that
                the text has to be broken.

              Details
                - One item, which is as long as it takes to be broken as well, and then some
                  more words.
                - Another, with a page and a site (https://example.org/).

                Name    Value
                ------  -----
                longer  1

                    Get-DiffusionDevice |
                        Where-Object Name

            """.ReplaceLineEndings("\n"),
            pages.Read("about_Probe.help.txt"));
    }

    [Fact]
    public async Task A_page_includes_a_shared_text_where_it_links_to_it_and_where_it_has_no_section()
    {
        using Pages pages = new();
        pages.Change(Pages.Shared, @"(?<=^## -Device\n\n)[^#]*", "Where it runs.\n\n- `Cpu`\n- a card\n\n");
        pages.Change("ConvertTo-Latent.md", "(?=^### -Model$)", "### -Device\n\nBefore.\n\n[Shared description](shared/Parameters.md#-device)\n\nAfter.\n\n");
        ShellProcess.Result result = await pages.Generate();
        Assert.Equal(string.Empty, result.Errors);

        Assert.Equal(["Before.", "Where it runs.", "- Cpu", "- a card", "After."], pages.ReadParameter("ConvertTo-Latent", "Device"));
        Assert.Equal(["Where it runs.", "- Cpu", "- a card"], pages.ReadParameter("ConvertFrom-Latent", "Device"));
    }

    [Fact]
    public async Task A_link_to_a_shared_text_that_is_not_there_or_not_alone_fails_the_build()
    {
        using Pages pages = new();
        pages.Change(Pages.Shared, "^## -Emphasis$", "## -Emphasys");
        pages.Change("ConvertTo-Latent.md", "(?=^### -Model$)", "### -Device\n\n[Shared description](shared/Parameters.md#-model)\n\n");
        pages.Change("ConvertFrom-Latent.md", "(?=^### -Latent$)", "### -Device\n\nSee [Shared description](shared/Parameters.md#-device)\n\n");
        pages.Change("Get-TextEmbedding.md", "(?=^### -Lora$)", "### -Emphasis\n\n[Shared description](shared/Parameters.md#-emphasis)\n\n");
        string[] problems = Messages(await FailToGenerate(pages));
        Assert.Equal(2, problems.Count(problem => problem == "The shared text of '-Device' is included by a paragraph with nothing but a link to 'shared/Parameters.md#-device'."));
        Assert.Equal(2, problems.Count(problem => problem == "'-Device' is not described."));
        Assert.Equal(2, problems.Count(problem => problem == "shared/Parameters.md has no section '## -Emphasis'."));
        Assert.Contains("'-Emphasis' is not described.", problems);
        Assert.Contains("PARAMETERS lacks '### -Emphasis'.", problems);
        Assert.Contains("'-Emphasys' is included by 0 of the pages. A shared text is for two or more.", problems);
        Assert.Equal(9, problems.Length);
    }

    [Fact]
    public async Task A_shared_text_that_is_empty_or_written_twice_or_used_once_fails_the_build()
    {
        using Pages pages = new();
        pages.Change(Pages.Shared, @"(?<=^## -CropTop\n)[^#]*", "\n");
        pages.Change(Pages.Shared, "^## -CropLeft$", "## -Gap\n\nThe gap.\n\n$0");
        pages.Change(Pages.Shared, "^## -Device$", "## -ControlEnd\n\nThe end.\n\n$0");
        pages.Change("Join-DiffusionImage.md", @"(?<=^### -Gap\n\n)", "[Shared description](shared/Parameters.md#-gap)\n\n");
        string[] problems = Messages(await FailToGenerate(pages));
        Assert.Equal(3, problems.Count(problem => problem == "'-CropTop' is not described."));
        Assert.Contains("'-Gap' is included by 1 of the pages. A shared text is for two or more.", problems);
        Assert.Contains("'-ControlEnd' has more than one section.", problems);
        Assert.Equal(5, problems.Length);
    }

    [Fact]
    public async Task A_text_that_is_written_twice_fails_the_build()
    {
        using Pages pages = new();
        pages.Change(Pages.Shared, @"(?<=^## -Device\n\n)[^#]*", "Where it runs.\n\n");
        pages.Change("ConvertTo-Latent.md", "(?=^### -Model$)", "### -Device\n\nWhere it runs.\n\n");
        pages.Change("Get-DiffusionDevice.md", @"(?<=^### -Name\n\n)[^#]*", "The names.\n\n");
        pages.Change("Get-DiffusionModel.md", @"(?<=^### -Name\n\n)[^#]*", "The names.\n\n");
        string[] problems = Messages(await FailToGenerate(pages));
        Assert.Equal(
            [
                "'-Device' repeats the text of shared/Parameters.md. Include that instead.",
                "'-Name' repeats a text of Get-DiffusionDevice.md. Write it once, in shared/Parameters.md.",
            ],
            problems);
    }

    private static object? Property(PSObject item, string name) => item.Properties[name]?.Value;

    private static IEnumerable<PSObject> Items(object? container, string name) =>
        container is null ? [] : Property(PSObject.AsPSObject(container), name) switch
        {
            null => [],
            IEnumerable several and not string => several.Cast<object>().Select(PSObject.AsPSObject),
            object one => [PSObject.AsPSObject(one)],
        };

    /// <summary>A property's text; descriptions are lists of objects that have one.</summary>
    private static string Text(PSObject item, string name) => Property(item, name) switch
    {
        null => string.Empty,
        PSObject[] paragraphs => string.Join('\n', paragraphs.Select(paragraph => Text(paragraph, "Text"))).Trim(),
        object value => value.ToString()!.Trim(),
    };

    /// <summary>Makes help of pages that have faults: the build fails, and nothing is written.</summary>
    /// <returns>The errors.</returns>
    private static async Task<string> FailToGenerate(Pages pages)
    {
        ShellProcess.Result result = await pages.Generate();
        Assert.Equal(1, result.ExitCode);
        Assert.Empty(pages.Written);
        return result.Errors;
    }

    /// <summary>The errors without their files and lines.</summary>
    private static string[] Messages(string errors) =>
        [.. errors.Split('\n').Select(line => line[(line.IndexOf("error HELP: ", StringComparison.Ordinal) + 12)..])];

    /// <summary>A copy of the project's pages, to be changed and made help of.</summary>
    private sealed class Pages : IDisposable
    {
        /// <summary>The page of the texts that pages include.</summary>
        public const string Shared = "shared/Parameters.md";

        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("sd-help-");

        public Pages()
        {
            string source = Path.Combine(Repository.Root, "docs", "en-US");
            foreach (string page in Directory.EnumerateFiles(source, "*.md", SearchOption.AllDirectories))
            {
                string copy = PageOf(Path.GetRelativePath(source, page));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(page, copy);
            }
        }

        public IEnumerable<string> Written => Directory.Exists(Output) ? Directory.EnumerateFiles(Output) : [];

        private string Output => Path.Combine(_folder.FullName, "help");

        public void Add(string page, string text) => File.WriteAllText(PageOf(page), text);

        public void Remove(string page) => File.Delete(PageOf(page));

        /// <summary>Replaces the first match of a pattern, which must be there.</summary>
        public void Change(string page, string pattern, string replacement)
        {
            string text = File.ReadAllText(PageOf(page)).ReplaceLineEndings("\n");
            Regex regex = new(pattern, RegexOptions.Multiline);
            Assert.Matches(regex, text);
            File.WriteAllText(PageOf(page), regex.Replace(text, replacement, count: 1));
        }

        public string Read(string file) => File.ReadAllText(Path.Combine(Output, file));

        /// <summary>The paragraphs of a parameter's description in the help file.</summary>
        public IEnumerable<string> ReadParameter(string cmdlet, string parameter) => XDocument.Parse(Read("SdPowerShell.dll-Help.xml"))
            .XPathSelectElements($"/*/*[*/*[local-name()='name']='{cmdlet}']/*[local-name()='parameters']/*[*[local-name()='name']='{parameter}']/*[local-name()='description']/*")
            .Select(paragraph => paragraph.Value);

        public Task<ShellProcess.Result> Generate() => ShellProcess.RunAssembly(
            BuiltModule.HelpGenerator, BuiltModule.Path("SdPowerShell.dll"), BuiltModule.Path("engine", "StableDiffusion.dll"), Path.Combine(_folder.FullName, "pages"), Output);

        public void Dispose() => _folder.Delete(recursive: true);

        private string PageOf(string page) => Path.Combine(_folder.FullName, "pages", page);
    }
}
