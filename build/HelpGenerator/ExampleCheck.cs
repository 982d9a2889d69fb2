using System.Management.Automation.Language;

namespace HelpGenerator;

/// <summary>Checks that the code of examples can be parsed, fits a terminal, and names only parameters that the cmdlets have.</summary>
internal sealed class ExampleCheck(IReadOnlyList<CmdletSurface> cmdlets)
{
    // A terminal of 80 columns, less the margin that Get-Help gives to examples.
    private const int Width = 76;

    public void Check(CmdletPage page, Problems problems)
    {
        foreach (CmdletPage.Example example in page.Examples)
        {
            ScriptBlockAst script = Parser.ParseInput(example.Code, out _, out ParseError[] errors);
            foreach (ParseError error in errors)
                problems.Add(page.File, LineOf(example, error.Extent), $"The example is no PowerShell: {error.Message}");

            foreach ((int index, string line) in example.Code.Split('\n').Index().Where(line => line.Item.Length > Width))
                problems.Add(page.File, example.Line + index, $"This line has {line.Length} columns. Break it: a terminal has room for {Width}.");

            foreach (CommandAst command in script.FindAll(node => node is CommandAst, searchNestedScriptBlocks: true).Cast<CommandAst>())
            {
                CmdletSurface? cmdlet = cmdlets.FirstOrDefault(known => known.Name.Equals(command.GetCommandName(), StringComparison.OrdinalIgnoreCase));
                foreach (CommandParameterAst parameter in command.CommandElements.OfType<CommandParameterAst>())
                {
                    if (cmdlet?.Accepts(parameter.ParameterName) == false)
                        problems.Add(page.File, LineOf(example, parameter.Extent), $"{cmdlet.Name} has no parameter '{parameter.ParameterName}'.");
                }
            }
        }
    }

    private static int LineOf(CmdletPage.Example example, IScriptExtent extent) => example.Line + extent.StartLineNumber - 1;
}
