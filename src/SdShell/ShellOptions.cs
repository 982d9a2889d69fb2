namespace SdShell;

/// <summary>What the command line asks for.</summary>
internal sealed class ShellOptions
{
    public const string Usage = """
        Usage: SdShell [-NoLogo] [-NoModule] [-Command <script> | -File <script.ps1> [<arguments>]]

        Runs PowerShell with the StableDiffusion module imported, or with -NoModule without it. Without -Command
        and -File it reads commands from the terminal, or a script from redirected input.
        It has the cmdlets of PowerShell's engine alone (Get-Help, Where-Object, ForEach-Object, Out-Default ...);
        pwsh has them all.
        """;

    public string? Command { get; private set; }

    public string? File { get; private set; }

    public IReadOnlyList<string> FileArguments { get; private set; } = [];

    public bool NoLogo { get; private set; }

    public bool NoModule { get; private set; }

    public bool ShowHelp { get; private set; }

    /// <summary>Reads the command line. As in pwsh, <c>-Command</c> and <c>-File</c> take all that follows them.</summary>
    /// <exception cref="FormatException">An option is unknown or lacks its value, or the script does not exist.</exception>
    public static ShellOptions Parse(ReadOnlySpan<string> arguments)
    {
        ShellOptions options = new();
        for (int i = 0; i < arguments.Length; i++)
        {
            ReadOnlySpan<string> rest = arguments[(i + 1)..];
            switch (arguments[i].ToLowerInvariant())
            {
                case "-nologo":
                    options.NoLogo = true;
                    break;

                case "-nomodule":
                    options.NoModule = true;
                    break;

                case "-help" or "--help" or "-h" or "-?":
                    options.ShowHelp = true;
                    return options;

                case "-command" or "-c":
                    if (rest.IsEmpty)
                        throw new FormatException("-Command needs a script.");
                    options.Command = string.Join(' ', rest);
                    return options;

                case "-file" or "-f":
                    if (rest.IsEmpty)
                        throw new FormatException("-File needs the path of a script.");
                    options.File = Path.GetFullPath(rest[0]);
                    if (!System.IO.File.Exists(options.File))
                        throw new FormatException($"There is no script '{options.File}'.");
                    options.FileArguments = rest[1..].ToArray();
                    return options;

                default:
                    throw new FormatException($"There is no option '{arguments[i]}'.");
            }
        }

        return options;
    }
}
