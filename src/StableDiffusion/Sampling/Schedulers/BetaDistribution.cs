namespace StableDiffusion.Sampling.Schedulers;

/// <summary>
/// The quantiles of a beta distribution. The cumulative distribution function is the regularized incomplete beta function,
/// computed by its continued fraction (NIST Digital Library of Mathematical Functions, 8.17.22); the quantile is found by bisection.
/// </summary>
internal sealed class BetaDistribution
{
    private readonly double _alpha;
    private readonly double _beta;
    private readonly double _logNorm;

    /// <summary>Initializes the distribution.</summary>
    /// <param name="alpha">The first shape parameter; above 0.</param>
    /// <param name="beta">The second shape parameter; above 0.</param>
    public BetaDistribution(double alpha, double beta)
    {
        _alpha = alpha;
        _beta = beta;
        _logNorm = LogGamma(alpha + beta) - LogGamma(alpha) - LogGamma(beta);
    }

    /// <summary>The quantile: the value below which a given share of the distribution is.</summary>
    /// <param name="share">The share, 0 to 1.</param>
    public double Quantile(double share)
    {
        if (share <= 0)
            return 0;
        if (share >= 1)
            return 1;

        (double low, double high) = (0, 1);
        while (true)
        {
            double middle = low + ((high - low) / 2);
            if (middle <= low || middle >= high)
                return middle;

            if (Cumulative(middle) < share)
                low = middle;
            else
                high = middle;
        }
    }

    /// <summary>The cumulative distribution function: the share below a value, 0 to 1.</summary>
    private double Cumulative(double x)
    {
        double front = Math.Exp(_logNorm + (_alpha * Math.Log(x)) + (_beta * Math.Log(1 - x)));
        return x < (_alpha + 1) / (_alpha + _beta + 2)
            ? front * Fraction(_alpha, _beta, x) / _alpha
            : 1 - (front * Fraction(_beta, _alpha, 1 - x) / _beta);
    }

    /// <summary>The continued fraction of the incomplete beta function, by the modified Lentz method.</summary>
    private static double Fraction(double a, double b, double x)
    {
        const int MaxTerms = 300;
        const double Tiny = 1e-300;

        double c = 1;
        double d = 1 / NonZero(1 - ((a + b) * x / (a + 1)));
        double value = d;
        for (int m = 1; m <= MaxTerms; m++)
        {
            double even = m * (b - m) * x / ((a + (2 * m) - 1) * (a + (2 * m)));
            d = 1 / NonZero(1 + (even * d));
            c = NonZero(1 + (even / c));
            value *= d * c;

            double odd = -(a + m) * (a + b + m) * x / ((a + (2 * m)) * (a + (2 * m) + 1));
            d = 1 / NonZero(1 + (odd * d));
            c = NonZero(1 + (odd / c));
            value *= d * c;
            if (Math.Abs((d * c) - 1) < 1e-15)
                break;
        }

        return value;

        static double NonZero(double number) => Math.Abs(number) < Tiny ? Tiny : number;
    }

    /// <summary>The logarithm of the gamma function, by Stirling's series after a shift into its range of convergence.</summary>
    private static double LogGamma(double x)
    {
        double shift = 0;
        for (; x < 15; x++)
            shift -= Math.Log(x);

        double inverse = 1 / x;
        double square = inverse * inverse;
        double series = inverse * ((1.0 / 12) - (square * ((1.0 / 360) - (square * ((1.0 / 1260) - (square / 1680))))));
        return shift + ((x - 0.5) * Math.Log(x)) - x + (0.5 * Math.Log(2 * Math.PI)) + series;
    }
}
