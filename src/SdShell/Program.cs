using System.Globalization;
using System.Text;

namespace SdShell;

internal static class Program
{
    private const int BadCommandLine = 64;

    private static int Main(string[] arguments)
    {
        // The engine of PowerShell reports the modules it imports to its makers unless told not to.
        Environment.SetEnvironmentVariable("POWERSHELL_TELEMETRY_OPTOUT", "1");
        UseKnownCulture();
        Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

        ShellOptions options;
        try
        {
            options = ShellOptions.Parse(arguments);
        }
        catch (FormatException error)
        {
            Console.Error.WriteLine(error.Message);
            Console.Error.WriteLine(ShellOptions.Usage);
            return BadCommandLine;
        }

        if (options.ShowHelp)
        {
            Console.WriteLine(ShellOptions.Usage);
            return 0;
        }

        using Shell shell = new();
        return shell.Run(options);
    }

    /// <summary>PowerShell breaks lines between words only in cultures that it knows, and the invariant one is not among them.</summary>
    private static void UseKnownCulture()
    {
        if (CultureInfo.CurrentCulture.Name.Length == 0)
            CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("en-US");
    }
}
